// @ts-check
/** What scripts add to settings: a theme that is used as it is chosen, secrets that are copied by a press. */

document.getElementById('theme')?.addEventListener('change', (event) => {
  const { form, value } = /** @type {HTMLInputElement} */ (event.target)
  document.documentElement.dataset.theme = value
  form?.requestSubmit()
})

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('[data-copy]'))) {
  const field = /** @type {HTMLInputElement} */ (document.getElementById(button.dataset.copy ?? ''))
  button.addEventListener('click', async () => {
    field.select()
    await navigator.clipboard?.writeText(field.value)
    button.textContent = 'Copied'
  })
}
