// @ts-check
/** Two versions of one task: both are shown, and nothing that was typed here goes before its user says so. */
import { made } from './dom.js'
import { refresh } from './page.js'

/** Show what a page with status 412 compares. @param {Document} fresh */
export function compare(fresh) {
  const found = fresh.getElementById('clash')
  if (!found) return
  const sheet = made('dialog', { class: 'dlg clash-d', 'aria-labelledby': 'clash-h', 'data-made': true })
  sheet.append(document.importNode(found, true))
  document.body.append(sheet)
  const done = () => {
    sheet.close()
    sheet.remove()
    for (const field of document.querySelectorAll('[data-typed]')) field.removeAttribute('data-typed')
    void refresh()
  }
  sheet.querySelector('#take-theirs')?.addEventListener('click', (event) => {
    event.preventDefault()
    done()
  })
  sheet.querySelector('form')?.addEventListener('submit', () => setTimeout(done))
  // Closing it otherwise would answer a question that was not answered.
  sheet.addEventListener('cancel', (event) => event.preventDefault())
  sheet.showModal()
}
