// @ts-check
/** Quick add: while somebody types, the words that were understood are tinted, and what they come to is said below. */
import { byId, holdKeys } from './dom.js'
import { parse } from './page.js'

const PAUSE = 60

const line = /** @type {HTMLInputElement | null} */ (byId('qa'))
/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon

async function read() {
  const text = line?.value ?? ''
  if (!line || !text.trim()) return show(null)
  const body = new URLSearchParams({ _csrf: document.body.dataset.csrf ?? '', line: text })
  try {
    const answer = await fetch('/previews/line', { method: 'POST', body, signal: AbortSignal.timeout(5000) })
    // Typed on meanwhile: the next answer is on the way.
    if (answer.ok && line.value === text) show(parse(await answer.text()))
  } catch {
    show(null)
  }
}

/** @param {Document | null} fresh */
function show(fresh) {
  for (const id of ['qa-mirror', 'qa-echo']) {
    const old = byId(id)
    const next = fresh?.getElementById(id)
    old.replaceChildren(...(next?.childNodes ?? []))
    if (id === 'qa-echo') old.hidden = !old.hasChildNodes()
  }
  follow()
}

function follow() {
  byId('qa-mirror').scrollLeft = line?.scrollLeft ?? 0
}

// A line that was begun is there again after a reload.
const draft = `taskora.line.${document.body.dataset.user}`
const begun = sessionStorage.getItem(draft) ?? ''
if (line && !line.value.startsWith(begun)) line.value = begun + line.value

/** Go where tasks are added; what is typed on the way is the beginning of the line there. */
export function newTaskThere() {
  const { field } = holdKeys()
  field.addEventListener('input', () => sessionStorage.setItem(draft, begun + field.value))
  location.assign('/#qa')
}

line?.addEventListener('input', () => {
  sessionStorage.setItem(draft, line.value)
  clearTimeout(soon)
  soon = setTimeout(() => void read(), PAUSE)
})
line?.addEventListener('scroll', follow)
line?.form?.addEventListener('reset', () => setTimeout(() => {
  clearTimeout(soon)
  sessionStorage.removeItem(draft)
  show(null)
}))
if (line?.value) void read()
