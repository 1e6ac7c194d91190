// @ts-check
/** What just happened, said in a corner and gone again: the server's toasts, and those scripts make. */
import { icon, made, takeAway } from './dom.js'
import { onSwap } from './page.js'

const STAYS = 10_000

const place = document.getElementById('toasts')
/** @type {ReturnType<typeof setTimeout> | undefined} */
let fading

/** Say what went wrong where other news is said. @param {string} text */
export function complain(text) {
  say(made('div', { class: 'toast bad' }, icon('warn'), made('p', {}, text)))
}

/** @param {string} text @param {string} [glyph] */
export function tell(text, glyph = 'done') {
  say(made('div', { class: 'toast' }, icon(glyph), made('p', {}, text)))
}

/** @param {HTMLElement} toast */
function say(toast) {
  place?.querySelectorAll('.toast:not(.rem)').forEach(takeAway)
  place?.prepend(toast)
  fade()
}

function fade() {
  clearTimeout(fading)
  fading = setTimeout(() => {
    if (place?.matches(':hover, :focus-within')) fade()
    else place?.querySelectorAll('.toast:not(.rem)').forEach(takeAway)
  }, STAYS)
}
onSwap(fade)
fade()
