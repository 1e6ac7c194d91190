// @ts-check
/** Sign in and create an account: show the password, guess the time zone. */

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('[data-show]'))) {
  const field = /** @type {HTMLInputElement | null} */ (document.getElementById(button.dataset.show ?? ''))
  if (!field) continue
  button.hidden = false
  button.addEventListener('click', () => {
    const shown = field.type === 'text'
    field.type = shown ? 'password' : 'text'
    button.setAttribute('aria-pressed', String(!shown))
    field.focus()
  })
}

const zones = /** @type {HTMLSelectElement | null} */ (document.querySelector('select[data-guess]'))
if (zones) {
  const here = new Intl.DateTimeFormat().resolvedOptions().timeZone
  if ([...zones.options].some(({ value }) => value === here)) zones.value = here
}
