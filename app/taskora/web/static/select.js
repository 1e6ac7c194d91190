// @ts-check
/** Several tasks at once: which are selected, and the bar of what can be done with them. */
import { footing, icon, made } from './dom.js'
import { onSwap } from './page.js'
import { askDate } from './panel.js'
import { act, dueOf, idOf, lift, rowOf } from './rows.js'

const MOST = 100
/** Before a browser's own menu of a link that is held. */
const HOLD = 350

/** @type {Set<string>} */
const ids = new Set()
/** @type {HTMLElement | null} */
let last = null

const count = made('b', { role: 'status' })
const tagged = made('input', { class: 'in', 'aria-label': 'Tag them', placeholder: 'Tag', list: 'every-tag', autocomplete: 'off', enterkeyhint: 'done', onkeydown: tag, onblur: () => tagged.value || bar.classList.remove('is-tagging') })
const bar = made('div', { class: 'bulk', role: 'toolbar', 'aria-label': 'Selected tasks', hidden: true },
  count, button('done', 'Complete', 'complete'),
  made('button', { class: 'btn ghost sm', type: 'button', onclick: schedule }, icon('today', 'i s'), 'Schedule'),
  // A phone has no room for the field until it is asked for.
  made('button', { class: 'btn ghost sm only-thin', type: 'button', onclick: () => {
    bar.classList.add('is-tagging')
    tagged.focus()
  } }, icon('tag', 'i s'), 'Tag'),
  made('span', { class: 'bulk-t' }, icon('tag', 'i s'), tagged),
  button('trash', 'Trash', 'trash'),
  made('button', { class: 'btn ghost icon sm', type: 'button', 'aria-label': 'Select nothing', title: 'Select nothing (Esc)', onclick: () => clear() }, icon('close', 'i s')))
document.getElementById('main')?.append(made('div', { class: 'bulk-w', 'data-made': true }, bar))

/** @param {string} glyph @param {string} label @param {string} verb */
function button(glyph, label, verb) {
  return made('button', { class: 'btn ghost sm', type: 'button', onclick: () => done(verb) }, icon(glyph, 'i s'), label)
}

/** The selected rows that are on this page. */
export const selected = () => /** @type {HTMLElement[]} */ ([...ids].map((id) => document.getElementById(`task-${id}`)).filter(Boolean))

/** Select a row or leave it; `through`: all between the one before and this. @param {HTMLElement} row @param {boolean} through */
export function toggle(row, through) {
  const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('#list [id^="task-"]')])
  const between = through && last?.isConnected ? [rows.indexOf(last), rows.indexOf(row)].sort((a, b) => a - b) : null
  if (between) rows.slice(between[0], between[1] + 1).forEach((each) => ids.add(idOf(each)))
  else if (!ids.delete(idOf(row))) ids.add(idOf(row))
  for (const id of [...ids].slice(MOST)) ids.delete(id)
  last = row
  show()
}

/** Select nothing; whether something was. */
export function clear() {
  const some = ids.size > 0
  // From the bar the keyboard goes back to the list.
  const back = footing(bar.contains(document.activeElement) ? last?.querySelector('a') ?? bar : null)
  ids.clear()
  show()
  back()
  return some
}

/** @param {string} verb */
function done(verb) {
  act(selected(), verb)
  clear()
}

function schedule() {
  const rows = selected()
  void askDate({ value: dueOf(rows[0]), title: `${rows.length} tasks` }, (due) => {
    act(rows, `due ${due}`.trim())
    clear()
  })
}

/** @param {KeyboardEvent} event */
function tag(event) {
  const name = tagged.value.trim().replace(/^#/, '')
  if (event.key !== 'Enter' || !name) return
  event.preventDefault()
  act(selected(), `tag ${name}`)
  tagged.value = ''
  clear()
}

function show() {
  const rows = selected()
  for (const row of document.querySelectorAll('.is-selected')) if (!ids.has(row.id.slice(5))) row.classList.remove('is-selected')
  for (const row of rows) row.classList.add('is-selected')
  bar.hidden = rows.length === 0
  if (bar.hidden) bar.classList.remove('is-tagging')
  count.textContent = `${rows.length} selected`
}
onSwap(show)

// With a finger, holding a row selects it; while some are, a tap does. Who moves on without letting go drags it instead.
/** @type {ReturnType<typeof setTimeout> | undefined} */
let holding
/** @type {HTMLElement | null} */
let held = null
document.addEventListener('pointerdown', (event) => {
  const row = event.pointerType === 'touch' ? rowOf(event.target) : null
  held = null
  if (row) holding = setTimeout(() => {
    held = row
    toggle(row, false)
    lift(row, event, () => toggle(row, false))
  }, HOLD)
})
for (const end of ['pointerup', 'pointercancel', 'pointermove']) document.addEventListener(end, () => clearTimeout(holding))
document.addEventListener('contextmenu', (event) => held && event.preventDefault())

// With Ctrl a press on a row selects it, with Shift all up to it.
document.addEventListener('click', (event) => {
  const row = rowOf(event.target)
  const tapped = /** @type {PointerEvent} */ (event).pointerType === 'touch' && ids.size > 0
  if (row && row === held) {
    held = null
    event.preventDefault()
    return event.stopPropagation()
  }
  if (!row || !(tapped || event.ctrlKey || event.metaKey || event.shiftKey) || event.button) return
  event.preventDefault()
  event.stopPropagation()
  toggle(row, event.shiftKey)
}, true)
