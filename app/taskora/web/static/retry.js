// @ts-check
/** A page that waits for Taskora to be back counts down, then tries again: the form that was sent, or the page itself. */

const line = /** @type {HTMLElement | null} */ (document.querySelector('[data-retry]'))
const again = document.getElementById('again')
if (line && again) {
  const bar = /** @type {HTMLProgressElement} */ (line.querySelector('progress'))
  const number = /** @type {HTMLElement} */ (line.querySelector('.tn'))
  let left = Number(line.dataset.retry)
  line.hidden = false
  const tick = setInterval(() => {
    left -= 1
    bar.value = left
    number.textContent = String(Math.max(left, 0))
    if (left > 0) return
    clearInterval(tick)
    if (again instanceof HTMLFormElement) again.requestSubmit()
    else location.replace(/** @type {HTMLAnchorElement} */ (again).href)
  }, 1000)
}
