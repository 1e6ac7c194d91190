// @ts-check
/** What scripts add to settings: a theme that is used as it is chosen, secrets that are copied by a press. */

import { complain, tell } from './toasts.js'

/** One after the other, so that what was chosen last is kept. */
let kept = Promise.resolve()

// The page stays, and with it the keyboard.
document.getElementById('theme')?.addEventListener('change', (event) => {
  const { form, value } = /** @type {HTMLInputElement & {form: HTMLFormElement}} */ (event.target)
  document.documentElement.dataset.theme = value
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form)))
  body.delete('_key') // it is this form's first time only
  kept = kept.then(async () => {
    const answer = await fetch(form.action, { method: 'POST', body }).catch(() => null)
    if (answer?.url.endsWith('ok=saved')) tell('Saved')
    else complain('This is not saved. Load the page anew and choose again.')
  })
})

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('[data-copy]'))) {
  const field = /** @type {HTMLInputElement} */ (document.getElementById(button.dataset.copy ?? ''))
  button.addEventListener('click', async () => {
    field.select()
    await navigator.clipboard?.writeText(field.value)
    button.textContent = 'Copied'
  })
}
