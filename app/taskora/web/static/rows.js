// @ts-check
/** Rows and cards: what can be done to them by hand, by drag, by keys. Each act is the same form that their buttons send. */
import { icon, made } from './dom.js'
import { hold, letGo, onSwap, refresh } from './page.js'
import { askDate } from './panel.js'
import { takeAct } from './queue.js'

/** The row or card of a task that holds this. @param {EventTarget | null} thing @returns {HTMLElement | null} */
export const rowOf = (thing) => (thing instanceof Element ? thing.closest('#list :is(.row, .card)[id^="task-"]') : null)

/** @param {HTMLElement} row */
export const idOf = (row) => row.id.slice('task-'.length)

/** @param {HTMLElement} row */
export const titleOf = (row) => row.querySelector('.row-t')?.firstChild?.textContent ?? ''

/** The due date as forms carry it. @param {HTMLElement} row */
export const dueOf = (row) => (row.dataset.due ?? '').slice(0, 16).replace('T', ' ')

/** One act on these tasks. @param {HTMLElement[]} rows @param {string} verb */
export const act = (rows, verb) => takeAct(`${rows.map(idOf).join(',')} - ${verb}`)

const spoken = made('p', { class: 'vh', role: 'status' })
document.body.append(spoken)

// What stands under the pointer: a grip, and what is done most.
const tools = made('div', { class: 'row-a', 'data-made': true },
  tool('today', 'Schedule (T)', (row) => void askDate({ value: dueOf(row), title: titleOf(row) }, (due) => act([row], `due ${due}`.trim()))),
  tool('trash', 'Move to trash (Del)', (row) => act([row], 'trash')))
const grip = made('span', { class: 'grip', 'data-made': true, 'aria-hidden': 'true' }, icon('grip', 'i s'))

/** @param {string} glyph @param {string} label @param {(row: HTMLElement) => void} then */
function tool(glyph, label, then) {
  return made('button', { class: 'btn ghost icon sm', type: 'button', tabindex: -1, 'aria-label': label, title: label, onclick: (/** @type {Event} */ event) => {
    const row = rowOf(event.target)
    if (row) then(row)
  } }, icon(glyph, 'i s'))
}

document.addEventListener('pointerover', (event) => {
  const row = rowOf(event.target)
  if (event.pointerType !== 'mouse' || !row || row.contains(grip)) return
  row.append(...(row.matches('.row') ? [tools, grip] : [grip]))
})

// Drag: with a mouse by the grip, or by a card itself; with a finger by what was held first, so that a swipe scrolls.
/** @type {{row: HTMLElement, from: number, moved: boolean, begin: () => void} | null} */
let drag = null
/** How near to the edge a drag scrolls the page, and how far each time. */
const EDGE = 96
const NUDGE = 12

/** From now on the row goes where the pointer does. @param {HTMLElement} row @param {PointerEvent} event @param {() => void} [begin] called once it moves */
export function lift(row, event, begin = () => {}) {
  drag = { row, from: event.clientY + event.clientX, moved: false, begin }
}
document.addEventListener('pointerdown', (event) => {
  const row = rowOf(event.target)
  const held = event.target instanceof Element && (event.target.closest('.grip') || (row?.matches('.card') && !event.target.closest('button')))
  if (event.button || event.pointerType !== 'mouse' || !row || !held) return
  event.preventDefault()
  lift(row, event)
})
document.getElementById('list')?.addEventListener('touchmove', (event) => drag && event.preventDefault(), { passive: false })
document.addEventListener('pointermove', (event) => {
  if (!drag) return
  if (!drag.moved && Math.abs(event.clientY + event.clientX - drag.from) < 5) return
  if (!drag.moved) drag.begin()
  drag.moved = true
  hold()
  drag.row.classList.add('drag')
  if (event.clientY < EDGE) window.scrollBy(0, -NUDGE)
  else if (event.clientY > innerHeight - EDGE) window.scrollBy(0, NUDGE)
  const under = document.elementFromPoint(event.clientX, event.clientY)
  const over = rowOf(under)
  if (over && over !== drag.row) {
    const box = over.getBoundingClientRect()
    over.parentElement?.insertBefore(drag.row, event.clientY > box.top + box.height / 2 ? over.nextSibling : over)
  } else if (!over) under?.closest('.day, .col')?.querySelector('ul:not(:has(> [id^="task-"]))')?.append(drag.row)
})
document.addEventListener('pointerup', () => drop(true))
document.addEventListener('pointercancel', () => drop(false))
document.addEventListener('click', (event) => {
  if (!dropped) return
  // What was let go of was not pressed.
  event.preventDefault()
  event.stopPropagation()
}, true)
let dropped = false

/** @param {boolean} there */
function drop(there) {
  if (!drag) return
  const { row, moved } = drag
  drag = null
  row.classList.remove('drag')
  if (!moved) return
  dropped = true
  setTimeout(() => void (dropped = false))
  if (there) settle(row)
  letGo()
  if (!there) void refresh()
}

/** Move a task one place up or down, over the edge of its day too. @param {HTMLElement} row @param {number} by */
export function move(row, by) {
  const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('#list :is(.row, .card)[id^="task-"]')])
  const other = rows[rows.indexOf(row) + by]
  if (!other || !document.querySelector('[data-order]')) return
  const same = other.parentElement === row.parentElement
  // Over the edge of a day it stands first or last in the next one.
  if (same === by > 0) other.after(row)
  else if (same) other.before(row)
  else if (by > 0) other.before(row)
  else other.after(row)
  row.querySelector('a')?.focus()
  settle(row)
}

/** Move a card to the column beside. @param {HTMLElement} row @param {number} by */
export function across(row, by) {
  const columns = [...document.querySelectorAll('.col')]
  const next = columns[columns.indexOf(/** @type {Element} */ (row.closest('.col'))) + by]
  if (!next) return
  next.querySelector('ul')?.prepend(row)
  row.querySelector('a')?.focus()
  settle(row)
}

/** Save where a task stands now: between its neighbours, on their day, in their column. @param {HTMLElement} row */
function settle(row) {
  const place = (/** @type {Element | null} */ beside) => (beside instanceof HTMLElement && beside.dataset.at ? Number(beside.dataset.at) : null)
  const above = place(row.previousElementSibling)
  const below = place(row.nextElementSibling)
  const at = above !== null && below !== null ? (above + below) / 2 : above !== null ? above + 1 : below !== null ? below - 1 : Number(row.dataset.at)
  row.dataset.at = String(at)
  const day = row.closest('.day')?.id.slice(2)
  const column = /** @type {HTMLElement | null} */ (row.closest('.col'))?.dataset.status
  const was = dueOf(row)
  const dated = day && /^\d/.test(day) && day !== was.slice(0, 10) ? `${day} ${was.slice(11)}`.trim() : day === 'none' && was ? 'none' : ''
  act([row], `move ${at} ${column ?? dated}`.trim())
  const head = row.closest('.day, .col')?.querySelector('h2')?.textContent?.replace(/\s+/g, ' ').trim()
  spoken.textContent = `Moved to place ${[...(row.parentElement?.children ?? [])].indexOf(row) + 1}${head ? ` under ${head}` : ''}`
}

document.addEventListener('keydown', (event) => {
  const card = rowOf(event.target)
  if (!event.altKey || !card?.matches('.card') || (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight')) return
  event.preventDefault()
  across(card, event.key === 'ArrowRight' ? 1 : -1)
})

onSwap(() => {
  // Their row may have gone.
  if (!rowOf(tools)) tools.remove()
})
