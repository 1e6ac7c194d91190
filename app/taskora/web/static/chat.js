// @ts-check
/** What scripts add to the chat: a message stands there at once, and the answer comes without leaving the page. */
import { byId, icon, made } from './dom.js'
import { leadsToDoor, onSwap, pageOf, refresh, shownSeq, swap } from './page.js'
import { complain } from './toasts.js'

/** @type {HTMLFormElement} */
const form = byId('speak')
/** @type {HTMLInputElement} */
const line = byId('message')

/** What was said and is not answered yet. */
let waiting = ''
/** @type {AbortController | null} */
let patience = null

const stop = made('button', { class: 'btn ghost icon', type: 'button', 'aria-label': 'Stop waiting', title: 'Stop waiting (Esc)', hidden: true, onclick: () => patience?.abort() }, icon('close'))
form.querySelector('.speak-l')?.append(stop)
line.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !patience) return
  event.preventDefault()
  patience.abort()
})

const toEnd = () => window.scrollTo({ top: document.body.scrollHeight })

for (const each of [form, byId('tries')]) each?.addEventListener('submit', say)

/** Say what stands in the line, or what the button of a suggestion does. @param {SubmitEvent} event */
async function say(event) {
  event.preventDefault()
  const sent = new FormData(form)
  const message = (/** @type {HTMLButtonElement | null} */ (event.submitter)?.value || line.value).trim()
  if (!message || patience) return
  sent.set('message', message)
  sent.set('_csrf', document.body.dataset.csrf ?? '')
  waiting = message
  show()
  const stopped = new AbortController()
  wait(stopped)
  line.value = ''
  try {
    const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(/** @type {any} */ (sent)), signal: AbortSignal.any([AbortSignal.timeout(60_000), stopped.signal]) })
    if (leadsToDoor(answer)) return void location.assign(answer.url)
    const fresh = await pageOf(answer)
    if (!answer.ok) throw new Error(fresh.querySelector('#speak-error, #problem p:not(.code)')?.textContent ?? '')
    history.replaceState(null, '', new URL(answer.url).pathname)
    for (const name of ['_key', 'conversation', '_from']) field(form, name).value = field(/** @type {HTMLFormElement} */ (fresh.getElementById('speak')), name).value
    form.querySelector('.tries')?.remove()
    answered()
    swap(fresh)
    // A change from elsewhere came first: this answer is looked up again.
    if (Number(fresh.body.dataset.seq) < shownSeq()) await refresh()
  } catch (problem) {
    answered()
    line.value ||= message
    complain(reason(problem))
  } finally {
    wait(null)
    line.focus()
    toEnd()
  }
}

/** While an answer is waited for, what sends it is what stops. @param {AbortController | null} now */
function wait(now) {
  patience = now
  stop.hidden = !now
  form.querySelector('.primary')?.toggleAttribute('hidden', Boolean(now))
}

/** Its key stays, so that what is sent again counts once. @param {unknown} problem */
function reason(problem) {
  const { name, message } = /** @type {Error} */ (problem)
  if (name === 'AbortError') return 'No longer waiting. What was begun may still be done; sent again, it counts once.'
  return (name === 'Error' && message) || 'That could not be sent. It is still in the line.'
}

/** @param {HTMLFormElement} within @param {string} name */
const field = (within, name) => /** @type {HTMLInputElement} */ (within.elements.namedItem(name))

function answered() {
  waiting = ''
  document.querySelectorAll('#list .is-wait').forEach((one) => one.remove())
}

/** The message that waits, and dots where its answer will stand. */
function show() {
  if (!waiting) return
  document.querySelectorAll('#list .is-wait').forEach((one) => one.remove())
  const place = byId('list')
  place.querySelector('.empty')?.remove()
  const says = place.querySelector('.says') ?? place.appendChild(made('ol', { class: 'says', 'aria-label': 'What was said' }))
  says.append(
    made('li', { class: 'mine is-wait', 'data-made': true }, made('div', { class: 'say', dir: 'auto' }, made('span', { class: 'line' }, waiting))),
    made('li', { class: 'theirs is-wait', 'data-made': true }, icon('logo', 'logo'), made('div', { class: 'say', role: 'status', 'aria-label': 'Taskora is answering' }, made('span', { class: 'dots' }))),
  )
  toEnd()
}

onSwap(show)
if (document.querySelector('.says')) toEnd()
