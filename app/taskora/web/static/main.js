// @ts-check
/** What scripts add to a page that works without them: changes show at once, other devices' changes arrive, the day turns. */
import './bell.js'
import { footing, takeAway } from './dom.js'
import { typing } from './keys.js'
import './panel.js'
import './quickadd.js'
import './select.js'
import { listen } from './live.js'
import { refresh } from './page.js'
import { take } from './queue.js'

const LOOK_EVERY = 30_000
// Well inside the time that a signed cookie is good for without the state store.
const CONFIRM_EVERY = 4 * 60_000

document.addEventListener('submit', (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target)
  if (form.method !== 'post' || 'plain' in form.dataset) return
  event.preventDefault()
  take(form, event.submitter)
  if (form.matches('.qa, .sub-f, #remind-f')) form.reset()
  const back = footing()
  event.submitter?.closest('details.pop')?.removeAttribute('open')
  back()
  const toast = event.submitter?.closest('.toast')
  if (toast) takeAway(toast)
})

// Menus: one at a time, closed by Escape and by a press elsewhere, never cut off below.
document.addEventListener('click', (event) => closeMenus(/** @type {Element} */ (event.target).closest('details')))
document.addEventListener('keydown', (event) => {
  const menu = event.key === 'Escape' && document.querySelector('details.pop[open]')
  if (!menu) return
  event.stopPropagation()
  closeMenus(null)
  menu.querySelector('summary')?.focus()
}, true)
document.addEventListener('toggle', (event) => {
  const menu = /** @type {Element} */ (event.target)
  if (!menu.matches('details.pop[open]')) return
  const line = /** @type {HTMLElement | null} */ (menu.querySelector('.menu.form .in'))
  menu.querySelector('.menu')?.scrollIntoView({ block: 'nearest' })
  line?.focus()
}, true)

/** @param {Element | null} but */
function closeMenus(but) {
  for (const menu of document.querySelectorAll('details.pop[open]')) if (menu !== but) menu.removeAttribute('open')
}

document.querySelector('.tab-add')?.addEventListener('click', (event) => {
  const line = document.getElementById('qa')
  if (!line) return
  event.preventDefault()
  line.closest('form')?.classList.add('is-open')
  line.focus()
})
document.getElementById('qa')?.addEventListener('blur', (event) => {
  const form = /** @type {HTMLElement} */ (event.target).closest('form')
  setTimeout(() => form?.contains(document.activeElement) || form?.classList.remove('is-open'), 150)
})

setInterval(() => {
  if (document.visibilityState === 'visible' && (dayTurned() || somethingLate())) void refresh()
}, LOOK_EVERY)
setInterval(() => document.visibilityState === 'visible' && void refresh(), CONFIRM_EVERY)
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && (dayTurned() || somethingLate())) void refresh()
})
window.addEventListener('pageshow', (event) => event.persisted && void refresh())

function dayTurned() {
  const { zone, today } = document.body.dataset
  return new Intl.DateTimeFormat('en-CA', { timeZone: zone }).format() !== today
}

function somethingLate() {
  const times = /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll('.row:not(.is-done) .due:not(.late)'))
  return [...times].some(({ dateTime }) => dateTime.includes('T') && Date.parse(dateTime) < Date.now())
}

/** What was typed before these scripts were here, as if it were typed now. */
function catchUp() {
  const early = /** @type {KeyboardEvent[] & {keep: (event: KeyboardEvent) => void}} */ (/** @type {any} */ (window).early)
  window.removeEventListener('keydown', early.keep)
  for (const event of early) {
    const there = /** @type {HTMLElement & {form?: HTMLFormElement}} */ (document.activeElement ?? document.body)
    const field = typing(there)
    if (field && event.key.length === 1) document.execCommand('insertText', false, event.key)
    else if (field && event.key === 'Backspace') document.execCommand('delete')
    else if (there.dispatchEvent(new KeyboardEvent('keydown', event)) && event.key === 'Enter') field ? there.form?.requestSubmit() : there.click()
  }
}

catchUp()
listen()
