// @ts-check
/** What just rang is said in a corner, and by the system where its user allowed that and looks elsewhere. */
import { byId, icon, made, takeAway } from './dom.js'
import { onSwap } from './page.js'

const shelf = 'taskora.rung'
const KEPT = 50
/** @type {Set<string>} */
const rung = new Set(JSON.parse(localStorage.getItem(shelf) ?? '[]'))

function ring() {
  // What was read, put off or done elsewhere rings no more.
  for (const toast of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.toast.rem'))) {
    if (!document.getElementById(toast.dataset.ring ?? '')) takeAway(toast)
  }
  for (const one of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('#ringing li'))) {
    if (rung.has(one.id)) continue
    rung.add(one.id)
    if (location.pathname !== '/notifications') show(one)
    if (document.hidden) call(one)
  }
  localStorage.setItem(shelf, JSON.stringify([...rung].slice(-KEPT)))
}

/** @param {HTMLElement} one */
function show({ id, dataset, textContent }) {
  const note = id.replace('ring-', '')
  /** @param {string} form @param {string} act @param {string} label @param {string} [look] */
  const button = (form, act, label, look = 'quiet') => made('button', { class: `btn ${look} sm`, form, name: 'do', value: act }, label)
  const toast = made('div', { class: 'toast rem', role: 'alert', 'data-made': true, 'data-ring': id },
    icon('alarm'),
    made('p', {}, made('b', { dir: 'auto' }, textContent), made('small', {}, dataset.said)),
    made('button', { class: 'btn ghost icon sm', type: 'button', 'aria-label': 'Dismiss', onclick: () => takeAway(toast) }, icon('close', 'i s')),
    made('div', { class: 'toast-a' },
      button('acts', `${dataset.task} - complete`, 'Complete', 'primary'),
      button('notes', `${note} snooze 10`, '10 minutes'),
      button('notes', `${note} snooze 60`, 'In an hour')))
  byId('toasts').append(toast, more)
}

// Where there is little room one of them shows; the others wait at the bell.
const more = made('a', { class: 'toast more-rem', href: '/notifications', 'data-made': true })
new MutationObserver(() => {
  const others = document.querySelectorAll('.toast.rem').length - 1
  more.hidden = others < 1
  const said = `And ${others} more`
  if (more.textContent !== said) more.textContent = said
}).observe(byId('toasts'), { childList: true })

/** @param {HTMLElement} one */
function call({ id, dataset, textContent }) {
  if (!('Notification' in window) || Notification.permission !== 'granted') return
  try {
    // By id, so that of several tabs' calls one stays.
    const said = new Notification(textContent ?? '', { body: dataset.said, tag: id })
    said.onclick = () => {
      window.focus()
      location.assign('/notifications')
    }
  } catch {
    // Where only a service worker may, the toast and the bell are left.
  }
}

const allow = document.querySelector('#allow button')
if (allow && 'Notification' in window && Notification.permission === 'default') {
  byId('allow').hidden = false
  allow.addEventListener('click', async () => {
    await Notification.requestPermission()
    byId('allow').hidden = true
  })
}

onSwap(ring)
ring()
