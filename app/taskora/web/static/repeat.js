// @ts-check
/** When a task comes again: while somebody chooses or types, Taskora says which dates that comes to. */
import { morph, onSwap, parse } from './page.js'

const PAUSE = 150

/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon
let asked = 0

/** @param {EventTarget | null} field */
const editorOf = (field) => /** @type {HTMLElement | null} */ (field instanceof Element && field.closest('#repeats'))

document.addEventListener('input', (event) => {
  const editor = editorOf(event.target)
  const form = editor?.closest('form')
  if (!editor || !form) return
  form.dataset.repeats = ''
  clearTimeout(soon)
  soon = setTimeout(() => void preview(editor, form), PAUSE)
})

/** @param {HTMLElement} editor @param {HTMLFormElement} form */
async function preview(editor, form) {
  const fields = /** @type {any} */ (new FormData(form))
  const mine = ++asked
  try {
    const answer = await fetch(`${new URL(form.action).pathname}/repeats`, { method: 'POST', body: new URLSearchParams(fields), signal: AbortSignal.timeout(10_000) })
    const fresh = answer.ok && parse(await answer.text()).getElementById('repeats')
    if (fresh && mine === asked) morph(editor, fresh)
  } catch {
    // The dates stay as they were; what is chosen is saved all the same.
  }
}
// The page came anew while somebody is at it: what they chose so far counts on top of that.
onSwap(() => {
  asked++
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector('form[data-repeats]'))
  const editor = editorOf(form?.querySelector('#repeats') ?? null)
  if (form && editor) void preview(editor, form)
})

/** Whether the editor has something to save, and all that it needs. @param {HTMLFormElement} form */
export function repeats(form) {
  const value = (/** @type {string} */ name) => /** @type {any} */ (form.elements.namedItem(name))?.value
  if (!('repeats' in form.dataset)) return false
  const end = value('rec_end')
  return Boolean(value('rec_words')) || ((end !== 'until' || value('rec_until')) && (end !== 'count' || value('rec_count')))
}
