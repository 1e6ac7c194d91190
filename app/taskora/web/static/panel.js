// @ts-check
/** The open task: saved as soon as a field is left, closed by Escape, as tall as its text. */
import { ahead, byId, footing } from './dom.js'
import { onSwap, visit } from './page.js'
import { take } from './queue.js'
import { repeats } from './repeat.js'
import { tell } from './toasts.js'

/** Puts the keyboard back to where the task was opened from. */
let giveBack = footing(document.querySelector('#list .is-current .row-t'))

document.addEventListener('click', (event) => {
  const link = /** @type {Element} */ (event.target).closest('a')
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
  if (link.id === 'copy-link') {
    event.preventDefault()
    void navigator.clipboard?.writeText(link.href).then(() => tell('Link copied', 'link'))
  } else if (link.id === 'panel-close') {
    event.preventDefault()
    void close()
  } else if (link.matches('.row-t, .say a, #more-hist a') && new URL(link.href).pathname === location.pathname) {
    event.preventDefault()
    void open(link)
  }
})

/** Ask for a due date. @type {(...how: Parameters<typeof import('./date.js').askDate>) => Promise<void>} */
export const askDate = (...how) => ahead(import('./date.js'), (date) => date.askDate(...how))

document.addEventListener('click', (event) => {
  const field = byId('f-due')
  if (!field || !(/** @type {Element} */ (event.target).closest('[data-ask-date]'))) return
  void askDate({ value: field.form.elements.namedItem('was.due').value }, (chosen) => {
    field.value = chosen
    for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, { bubbles: true }))
  })
})

/** Open the task of a link, where the keyboard then is. @param {HTMLAnchorElement} link */
export async function open(link) {
  if (!document.activeElement?.closest('.panel')) giveBack = footing()
  document.querySelector('.is-current')?.classList.remove('is-current')
  link.closest('.row, .card')?.classList.add('is-current')
  const before = document.activeElement
  await visit(link.href)
  if (!wentOn(before)) toPanel()
}

/** Whether its user is at something else by now: the keyboard is not taken from them. @param {Element | null} before */
const wentOn = (before) => document.activeElement !== before && document.activeElement !== document.body

function toPanel() {
  const sheet = document.querySelector('.panel-b')
  if (sheet instanceof HTMLElement) sheet.focus({ preventScroll: true })
}

export async function close() {
  const link = byId('panel-close')
  if (!link) return false
  saveNow()
  await visit(link.href)
  return true
}

/** The open task's form, for its own fields. @param {EventTarget | null} field @returns {HTMLFormElement | null} */
const editOf = (field) => {
  const form = /** @type {HTMLInputElement} */ (field).form
  return form?.matches('[data-edit]') ? form : null
}
document.addEventListener('input', (event) => {
  if (editOf(event.target)) /** @type {Element} */ (event.target).setAttribute('data-typed', '')
})
document.addEventListener('change', (event) => {
  const form = editOf(event.target)
  if (form) save(form)
})
document.addEventListener('keydown', (event) => {
  const field = /** @type {HTMLElement} */ (event.target)
  if (field.matches('.t-title') && event.key === 'Enter') {
    event.preventDefault()
    toPanel()
  } else if (field.matches('[data-edit] input') && editOf(field) && event.key === 'Enter') {
    // Enter saves; the form's own way would leave the page.
    event.preventDefault()
    const form = editOf(field)
    if (form) save(form)
  } else if (field.matches('[data-edit] textarea') && event.key === 'Enter' && (event.ctrlKey || event.metaKey)) toPanel()
  else if (field.matches('.panel :is(input, textarea, select)') && event.key === 'Escape') {
    event.stopPropagation()
    toPanel()
  }
}, true)
// A field that is being typed in when the page goes is sent by the next one.
window.addEventListener('pagehide', saveNow)

function saveNow() {
  for (const form of document.querySelectorAll('form[data-edit]')) if (form.querySelector('[data-typed]')) save(/** @type {HTMLFormElement} */ (form))
}

/** @param {HTMLFormElement} form */
function save(form) {
  const shown = new FormData(form)
  // The due date is shown in words, and compared with those.
  const differs = [...shown].some(([name, value]) => shown.has(`was.${name}`) && same(value) !== same(shown.get(name === 'due' ? 'due_shown' : `was.${name}`)))
  if (!(differs || repeats(form) || shown.get('add_tags')) || !form.reportValidity()) return
  for (const field of form.querySelectorAll('[data-typed]')) field.removeAttribute('data-typed')
  take(form, null)
  delete form.dataset.repeats
  for (const name of ['add_tags', 'rec_words']) /** @type {any} */ (form.elements.namedItem(name)).value = ''
}

/** @param {FormDataEntryValue | null} text */
const same = (text) => String(text ?? '').replaceAll('\r\n', '\n').trim()

onSwap(() => {
  if (document.querySelector('.panel')) return
  giveBack()
  giveBack = () => {}
})
