// @ts-check
/** The page as the server makes it, fetched again and swapped in place: focus, caret and scroll stay where they are. */

import { footing } from './dom.js'
import { still } from './still.js'

/** @type {Set<() => void>} */
const afterSwap = new Set()

/** The seq of the user's changes that this page shows. */
export const shownSeq = () => seqOf(document)

/** Call `then` after every swap. @param {() => void} then */
export const onSwap = (then) => afterSwap.add(then)

/** Whether a page from the server means that nobody is signed in. @param {Response} answer */
export const leadsToDoor = (answer) => new URL(answer.url).pathname === '/sign-in'

/** This page's address, without what only the last act put there. */
export function here() {
  const address = new URL(location.href)
  for (const passing of ['did', 'task', 'was']) address.searchParams.delete(passing)
  return address.pathname + address.search
}

/** @param {string} html */
export const parse = (html) => new DOMParser().parseFromString(html, 'text/html')

/** The page of an answer; what is done with it waits for its turn, since a thousand rows take a while to read. @param {Response} answer */
export async function pageOf(answer) {
  const page = parse(await answer.text())
  await new Promise((go) => setTimeout(go))
  return page
}

let under = false
let again = false

/**
 * Fetch this page and swap it in. Calls while one is under way come down to one more.
 * @param {{quietly?: boolean}} [how] quietly: leave the toast that is there
 */
export async function refresh({ quietly = true } = {}) {
  if (under) return void (again = true)
  under = true
  try {
    await fetched(new URL(location.href), { quietly })
  } catch {
    // The status line tells of the weather; the next head or the next look brings the page up to date.
  } finally {
    under = false
    if (again) {
      again = false
      void refresh({ quietly })
    }
  }
}

/**
 * Go to another address of this same page (a task opened or closed, other filters) without leaving it.
 * @param {string} href
 * @param {{push?: boolean}} [how]
 */
export async function visit(href, { push = true } = {}) {
  const there = new URL(href, location.href)
  if (there.pathname !== location.pathname) return void location.assign(there)
  if (push) history.pushState(null, '', there)
  try {
    await fetched(there, { quietly: true })
  } catch {
    location.assign(there)
  }
}
window.addEventListener('popstate', () => void visit(location.href, { push: false }))

/** @param {URL} address @param {{quietly: boolean}} how */
async function fetched(address, how) {
  for (const passing of ['did', 'task', 'was']) address.searchParams.delete(passing)
  const answer = await fetch(address, { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(15_000) })
  if (leadsToDoor(answer)) return void location.assign(answer.url)
  const fresh = await pageOf(answer)
  const now = new URL(location.href)
  // Where another address was gone to meanwhile, its own answer is on the way or here already.
  const same = now.pathname === address.pathname && now.searchParams.get('open') === address.searchParams.get('open')
  if (answer.ok && same) swap(fresh, how)
}

/** While a row is carried, the newest page that came meanwhile. @type {{fresh?: Document, how?: {quietly?: boolean}} | null} */
let held = null

/** Keep what comes until `letGo`: nothing moves under a hand that carries a row. */
export const hold = () => void (held ??= {})

export function letGo() {
  const kept = held
  held = null
  if (kept?.fresh) swap(kept.fresh, kept.how)
}

/** @param {Document} page */
const seqOf = (page) => Number(page.body.dataset.seq)

/**
 * Take over what differs from a newer copy of this page; an older one is left alone.
 * @param {Document} fresh
 * @param {{quietly?: boolean}} [how]
 */
export function swap(fresh, how = {}) {
  if (seqOf(fresh) < seqOf(held?.fresh ?? document) || fresh.body.dataset.user !== document.body.dataset.user) return
  if (held) return void (held = { fresh, how })
  const back = footing()
  const keep = still()
  for (const name of ['seq', 'today', 'csrf', 'zone', 'clock']) document.body.dataset[name] = fresh.body.dataset[name]
  for (const region of document.querySelectorAll('[data-swap]')) {
    if (how.quietly && region.id === 'toasts') continue
    const next = fresh.getElementById(region.id)
    if (next) morph(region, next)
  }
  document.title = fresh.title
  document.getElementById('app')?.classList.toggle('with-panel', Boolean(fresh.querySelector('.panel')))
  for (const then of afterSwap) then()
  back()
  keep()
}

/**
 * Make `old` like `next` with the fewest moves: elements with an id are recognised by it, others by their place.
 * @param {Element} old
 * @param {Element} next
 */
export function morph(old, next) {
  if (old instanceof HTMLInputElement && beingTyped(old)) return
  for (const { name } of [...old.attributes]) {
    if (!ours(name) && !next.hasAttribute(name)) old.removeAttribute(name)
  }
  for (const { name, value } of next.attributes) {
    if (!ours(name) && old.getAttribute(name) !== value) old.setAttribute(name, value)
  }
  if (old.hasAttribute('data-keep')) return
  let at = old.firstChild
  for (const child of [...next.childNodes]) {
    while (at instanceof Element && at.hasAttribute('data-made')) at = at.nextSibling
    const match = likeness(old, at, child)
    if (match === null) {
      old.insertBefore(document.importNode(child, true), at)
      continue
    }
    if (match === at) at = at.nextSibling
    else old.insertBefore(match, at)
    if (match instanceof Element) {
      if (!alike(match, child)) morph(match, /** @type {Element} */ (child))
    } else if (match.nodeValue !== child.nodeValue) match.nodeValue = child.nodeValue
  }
  while (at) {
    const gone = at
    at = at.nextSibling
    if (!(gone instanceof Element && gone.hasAttribute('data-made'))) gone.remove()
  }
  settle(old)
}

/** Whether nothing is to be done: of a thousand rows that is nearly all, and the browser's own comparison is quick. @param {Element} old @param {Node} next */
const alike = (old, next) => old.isEqualNode(next) && !old.matches('input, textarea, select, :has(input, textarea, select)')

/** Whether this says what a field began with that its user is still at: their change is set against what they saw. @param {HTMLInputElement} was */
function beingTyped(was) {
  if (was.name === '_version') return Boolean(was.form?.querySelector('[data-typed]'))
  if (was.name === 'due_shown') return Boolean(was.form?.querySelector('#f-due[data-typed]'))
  const field = was.name.startsWith('was.') ? was.form?.elements.namedItem(was.name.slice(4)) : null
  return field instanceof Element && field.hasAttribute('data-typed')
}

/** What the browser and scripts keep on an element themselves. @param {string} name */
const ours = (name) => ['open', 'tabindex', 'data-typed', 'data-repeats'].includes(name)

/** A field shows what the server says, unless its user is at it. @param {Element} field */
function settle(field) {
  if (field === document.activeElement || field.hasAttribute('data-typed')) return
  if (field instanceof HTMLInputElement && field.type !== 'checkbox' && field.type !== 'radio') field.value = field.defaultValue
  else if (field instanceof HTMLInputElement) field.checked = field.defaultChecked
  else if (field instanceof HTMLTextAreaElement) field.value = field.defaultValue
  else if (field instanceof HTMLSelectElement) for (const option of field.options) option.selected = option.defaultSelected
}

/**
 * @param {Element} old @param {ChildNode | null} at @param {ChildNode} child
 * @returns {ChildNode | null}
 */
function likeness(old, at, child) {
  if (child instanceof Element && child.id) return old.querySelector(`:scope > #${CSS.escape(child.id)}`)
  const same = at !== null && at.nodeName === child.nodeName && !(at instanceof Element && at.id)
  return same ? at : null
}
