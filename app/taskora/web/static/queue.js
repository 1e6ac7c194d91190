// @ts-check
/**
 * Changes on their way. Each is shown at once and sent in order; what can't be sent now is kept and sent when Taskora is
 * back, by another tab when this one is closed. Every change carries its own key, so sending it twice does it once.
 */
import { made } from './dom.js'
import { here, leadsToDoor, onSwap, pageOf, refresh, swap } from './page.js'
import { mine, orphans, put } from './shelf.js'
import { setPending, setReach, setSaved } from './status.js'
import { complain } from './toasts.js'

/** @typedef {{path: string, fields: [string, string][]}} Change a form as it was sent */

const LONGEST_WAIT = 30_000
/** A completed row leaves the list only after its tick was seen. */
const TICK_SEEN = 500

/** @type {Change[]} */
let waiting = mine()
let sending = false
let rested = () => {}
let wait = 1000
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer

/** Show a form's change at once and send it. @param {HTMLFormElement} form @param {HTMLElement | null} submitter */
export function take(form, submitter) {
  const fields = [...new FormData(form, submitter)].flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : []))
  push({ path: new URL(form.action).pathname, fields: /** @type {[string, string][]} */ (fields) })
}

/** Do what a row's button would. @param {string} what `ID,ID VERSION verb argument` */
export function takeAct(what) {
  push({ path: '/acts', fields: [['_from', here()], ['do', what]] })
}

/** Add a task as quick add would on this page. @param {string} title */
export function takeNew(title) {
  const line = /** @type {HTMLFormElement | null} */ (document.getElementById('quick-add'))
  const fields = line ? [...new FormData(line)].filter(([name]) => name !== 'title') : [['_from', here()]]
  push({ path: '/tasks', fields: /** @type {[string, string][]} */ ([...fields, ['title', title]]) })
}

/** @param {Change} change */
function push(change) {
  change.fields = [...change.fields.filter(([name]) => name !== '_key'), ['_key', key()]]
  waiting.push(change)
  show(change)
  keep()
  void send()
}

/** Whether a change is under way, whose answer will bring the page up to date. */
export const busy = () => sending

/** Call `then` when nothing is under way any more. @param {() => void} then */
export const onRest = (then) => void (rested = then)

/** Try again now, if something waits. */
export function hurry() {
  clearTimeout(timer)
  wait = 1000
  void send()
}

onSwap(() => waiting.forEach((change) => {
  show(change)
  showMove(change)
}))
window.addEventListener('online', hurry)

async function send() {
  if (sending) return
  sending = true
  clearTimeout(timer)
  while (waiting.length) {
    const outcome = await post(waiting[0])
    if (outcome === 'later') {
      timer = setTimeout(() => void send(), wait)
      wait = Math.min(wait * 2, LONGEST_WAIT)
      break
    }
    if (outcome === 'leaving') break
    wait = 1000
  }
  sending = false
  rested()
}

/** @param {Change} change @returns {Promise<'done' | 'later' | 'leaving'>} */
async function post(change) {
  /** @type {Response} */
  let answer
  /** @type {Document} */
  let fresh
  const tickSeen = new Promise((go) => setTimeout(go, TICK_SEEN))
  try {
    answer = await fetch(change.path, { method: 'POST', body: brought(change), signal: AbortSignal.timeout(15_000) })
    fresh = await pageOf(answer)
  } catch {
    setReach('offline')
    return 'later'
  }
  if ([429, 502, 503, 504].includes(answer.status)) {
    setReach('down')
    return 'later'
  }
  setReach('ok')
  if (leadsToDoor(answer)) {
    location.assign(answer.url)
    return 'leaving'
  }
  waiting.shift()
  keep()
  if (answer.status === 412) (await import('./clash.js')).compare(fresh)
  else if (answer.ok) {
    if (change.path !== '/acts') setSaved()
    handOn(change)
    if (/ complete$/.test(valueOf(change, 'do'))) await tickSeen
    // Its page may have been left since: then this one is simply looked at again.
    if (sameView(answer.url)) swap(fresh)
    else await refresh()
  } else {
    complain(fresh.querySelector('#problem p:not(.code)')?.textContent ?? 'That could not be saved.')
    await refresh()
  }
  return 'done'
}

/** @param {string} address */
function sameView(address) {
  const there = new URL(address)
  for (const passing of ['did', 'task', 'was']) there.searchParams.delete(passing)
  return there.pathname + there.search === here()
}

/** What was just saved is what the next change to the same fields begins with. @param {Change} saved */
function handOn(saved) {
  const now = new Map(saved.fields)
  for (const later of waiting.filter(({ path }) => path === saved.path)) {
    later.fields = later.fields.map(([name, value]) => [name, name.startsWith('was.') ? (now.get(name.slice(4)) ?? value) : value])
  }
  keep()
}

/** The change with the proof and the version that hold by now: what waits before it may have moved them on. @param {Change} change */
function brought(change) {
  const body = new URLSearchParams(change.fields)
  body.set('_csrf', document.body.dataset.csrf ?? '')
  const [id, , ...act] = valueOf(change, 'do').split(' ')
  const version = document.getElementById(`task-${id}`)?.dataset.version
  if (change.path === '/acts' && version) body.set('do', [id, version, ...act].join(' '))
  return body
}

/** @param {Change} change @param {string} name */
const valueOf = (change, name) => change.fields.find(([each]) => each === name)?.[1] ?? ''

/** Show a change before it is saved. @param {Change} change */
function show(change) {
  const [id, , verb] = valueOf(change, 'do').split(' ')
  if (valueOf(change, 'parent_id')) showPart(valueOf(change, 'parent_id'), valueOf(change, 'title'))
  else if (change.path === '/tasks') showNew(valueOf(change, 'title'))
  else if (change.path === '/acts') showAct(id, verb)
  const edited = /^\/tasks\/([\w-]+)$/.exec(change.path)
  const title = edited && document.querySelector(`#task-${edited[1]} .row-t`)
  if (title && valueOf(change, 'title')) title.textContent = valueOf(change, 'title')
}

/** @param {string} ids @param {string} verb */
function showAct(ids, verb) {
  for (const id of ids.split(',')) showOn(id, verb)
}

/** @param {string} id @param {string} verb */
function showOn(id, verb) {
  for (const row of document.querySelectorAll(`#task-${CSS.escape(id)}, [data-task="${CSS.escape(id)}"] .t-head, #sub-${CSS.escape(id)}`)) {
    if (verb === 'complete' || verb === 'reopen') {
      row.classList.toggle('is-done', verb === 'complete')
      row.querySelector('.check')?.setAttribute('aria-pressed', String(verb === 'complete'))
    } else if (row.id && verb !== 'move') row.classList.add(verb === 'trash' || (verb === 'restore' && location.pathname === '/trash') ? 'is-gone' : 'is-wait')
  }
}

/** Put a row back where a move on its way will have it; where it was let go of it stands already. @param {Change} change */
function showMove(change) {
  const [id, , verb, at, where] = valueOf(change, 'do').split(' ')
  const row = document.getElementById(`task-${id}`)
  if (verb !== 'move' || !row) return
  const list = (where && document.querySelector(`#d-${where} ul, #col-${where} ul`)) || row.parentElement
  const next = [...(list?.children ?? [])].find((other) => other !== row && Number(/** @type {HTMLElement} */ (other).dataset.at) > Number(at))
  row.dataset.at = at
  list?.insertBefore(row, next ?? null)
}

/** @param {string} title */
function showNew(title) {
  const mould = /** @type {HTMLTemplateElement | null} */ (document.getElementById('new-row'))
  const list = document.getElementById('list')
  if (!mould || !list) return
  list.querySelector('.empty')?.remove()
  const made = /** @type {Element} */ (document.importNode(mould.content, true).firstElementChild)
  const day = list.querySelector(`#${made.id || 'd-none'} .rows`)
  const text = made.querySelector('.row-t')
  if (text) text.textContent = title
  if (day) day.append(...made.querySelectorAll('.row'))
  else list.append(made)
}

/** @param {string} parent @param {string} title */
function showPart(parent, title) {
  const place = document.querySelector(`[data-task="${CSS.escape(parent)}"] #subs`)
  place?.append(made('li', { class: 'is-wait' }, made('span', { class: 'check small' }), made('span', { class: 'row-t' }, title)))
}

function keep() {
  put(waiting)
  setPending(waiting.length)
}

/** A key nobody else has; `randomUUID` is for secure pages alone. */
function key() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

waiting.forEach(show)
keep()
void send()
void orphans((left) => {
  left.forEach(show)
  waiting.push(...left)
  keep()
}).then(send)
