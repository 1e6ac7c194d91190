// @ts-check
/** What scripts add to the chat: a message stands there at once, and the answer comes without leaving the page. */
import { byId, made } from './dom.js'
import { leadsToDoor, onSwap, parse, refresh, shownSeq, swap } from './page.js'
import { complain } from './toasts.js'

/** @type {HTMLFormElement} */
const form = byId('speak')
/** @type {HTMLInputElement} */
const line = byId('message')

/** What was said and is not answered yet. */
let waiting = ''

const toEnd = () => window.scrollTo({ top: document.body.scrollHeight })

for (const each of [form, byId('tries')]) each?.addEventListener('submit', say)

/** Say what stands in the line, or what the button of a suggestion does. @param {SubmitEvent} event */
async function say(event) {
  event.preventDefault()
  const sent = new FormData(form)
  const message = (/** @type {HTMLButtonElement | null} */ (event.submitter)?.value || line.value).trim()
  if (!message || form.classList.contains('is-waiting')) return
  sent.set('message', message)
  sent.set('_csrf', document.body.dataset.csrf ?? '')
  waiting = message
  show()
  form.classList.add('is-waiting')
  line.value = ''
  try {
    const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(/** @type {any} */ (sent)), signal: AbortSignal.timeout(60_000) })
    if (leadsToDoor(answer)) return void location.assign(answer.url)
    const fresh = parse(await answer.text())
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
    complain((problem instanceof Error && problem.name === 'Error' && problem.message) || 'That could not be sent. It is still in the line.')
  } finally {
    form.classList.remove('is-waiting')
    line.focus()
    toEnd()
  }
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
    made('li', { class: 'theirs is-wait', 'data-made': true }, made('div', { class: 'say', 'aria-label': 'Taskora is answering' }, made('span', { class: 'dots' }))),
  )
  toEnd()
}

onSwap(show)
if (document.querySelector('.says')) toEnd()
