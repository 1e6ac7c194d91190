// @ts-check
/** Single keys. They act on the row where the keyboard is, or on all that are selected; who types is left alone. */
import { ahead, footing, holdKeys } from './dom.js'
import { askDate, close, open } from './panel.js'
import { newTaskThere } from './quickadd.js'
import { takeAct } from './queue.js'
import { act, dueOf, idOf, move, rowOf, titleOf } from './rows.js'
import { clear, selected, toggle } from './select.js'

const AFTER_G = 1200
const PRIORITIES = /** @type {Record<string, string>} */ ({ 1: 'urgent', 2: 'high', 3: 'medium', 4: 'low' })

let going = 0

/** Whether single keys are on; who talks to their computer may not want them. */
export const keysOn = () => localStorage.getItem('taskora.keys') !== 'off'

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open]')) return
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
    event.preventDefault()
    return palette()
  }
  if (event.ctrlKey || event.metaKey) return
  if (typing(event.target)) return void (event.key === 'Escape' && leave(event))
  if (event.key === 'Escape') return void escape(event)
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') return arrow(event)
  if (event.altKey || !keysOn()) return
  const took = Date.now() - going < AFTER_G ? go(event.key) : single(event)
  going = event.key === 'g' && !took ? Date.now() : 0
  if (took || event.key === 'g') event.preventDefault()
})

/** Whether keys are text there. @param {EventTarget | null} field */
export const typing = (field) => field instanceof HTMLElement && field.matches('input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]')

/** @param {string} key */
function go(key) {
  const link = /** @type {HTMLAnchorElement | null} */ (document.querySelector(`[data-go="${CSS.escape(key)}"]`))
  if (link) {
    holdKeys()
    location.assign(link.href)
  }
  return Boolean(link)
}

/** @param {KeyboardEvent} event @returns {boolean} */
function single(event) {
  const row = rowOf(document.activeElement)
  switch (event.key) {
    case '?':
      keySheet()
      return true
    case '/':
      palette()
      return true
    case 'n':
    case 'q':
      return newTask()
    case 'j':
    case 'k':
      return step(event.key === 'j' ? 1 : -1)
    case 'x':
    case 'X':
      if (row) toggle(row, event.shiftKey)
      return Boolean(row)
    case 'z':
      return press('[data-undo]')
    case 'e':
      if (row) void ahead(open(/** @type {HTMLAnchorElement} */ (row.querySelector('a.row-t'))), () => press('.t-title'))
      return row ? true : press('.t-title')
    case 'c':
      return acts((each) => (each.classList.contains('is-done') ? 'reopen' : 'complete'))
    case 't':
      return schedule()
    case 'p':
      return choosePart()
    case 'Delete':
    case '#':
      return acts(() => 'trash')
    default:
      return event.key in PRIORITIES && acts(() => `priority ${PRIORITIES[event.key]}`)
  }
}

/** What the keys act on: all that are selected, else the row where the keyboard is, else the open task. */
export function meant() {
  const rows = selected()
  if (rows.length) return rows
  const row = rowOf(document.activeElement) ?? document.querySelector('.is-current[id^="task-"]')
  return row instanceof HTMLElement ? [row] : []
}

/** @param {(row: HTMLElement) => string} verb */
function acts(verb) {
  const rows = meant()
  if (!rows.length) return false
  const next = rows.length === 1 && rows[0].contains(document.activeElement) && neighbour(rows[0], 1)
  const back = footing()
  act(rows, verb(rows[0]))
  if (next) next.querySelector('a')?.focus()
  clear()
  back()
  return true
}

export function schedule() {
  const rows = meant()
  if (rows.length) void askDate({ value: dueOf(rows[0]), title: rows.length === 1 ? titleOf(rows[0]) : `${rows.length} tasks` }, (due) => {
    act(rows, `due ${due}`.trim())
    clear()
  })
  return rows.length > 0
}

/** Make what is meant a part of another task, which is found by typing. @param {HTMLElement[]} rows */
export function choosePart(rows = meant()) {
  if (rows.length) askPart(rows.map(idOf))
  return rows.length > 0
}

/** @param {string[]} ids */
function askPart(ids) {
  void ahead(import('./palette.js'), ({ showPalette }) => showPalette([], { but: ids, then: (parent) => {
    takeAct(`${ids.join(',')} - part ${parent}`)
    clear()
  } }))
}

document.addEventListener('click', (event) => {
  const button = /** @type {Element} */ (event.target).closest('[data-ask-part]')
  const task = /** @type {HTMLElement | null} */ (button?.closest('[data-task]') ?? null)
  if (task) askPart([task.dataset.task ?? ''])
})

/** @param {number} by */
function step(by) {
  const rows = lines()
  const row = rowOf(document.activeElement)
  const next = row ? neighbour(row, by) : by > 0 ? rows[0] : rows.at(-1)
  next?.querySelector('a')?.focus()
  next?.scrollIntoView({ block: 'nearest' })
  return rows.length > 0
}

const lines = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll('#list :is(.row, .card)[id^="task-"]:not(.is-gone)')])

/** @param {HTMLElement} row @param {number} by */
const neighbour = (row, by) => lines()[lines().indexOf(row) + by]

/** Arrows go as j and k do, and with Alt move the task itself. @param {KeyboardEvent} event */
function arrow(event) {
  const row = rowOf(document.activeElement)
  if (!row || event.shiftKey) return
  event.preventDefault()
  const by = event.key === 'ArrowDown' ? 1 : -1
  if (event.altKey) move(row, by)
  else step(by)
}

/** The row from which the keyboard came to a line. @type {Element | null} */
let from = null
document.addEventListener('focusin', ({ target, relatedTarget }) => {
  if (typing(target)) from = rowOf(/** @type {Element | null} */ (relatedTarget))
})

/** Out of the line for a new task or a tag, back to the list; what was typed stays. @param {KeyboardEvent} event */
function leave(event) {
  if (!(/** @type {Element} */ (event.target).matches('#qa, .bulk input'))) return
  const row = [from, ...selected().reverse(), ...lines()].find((one) => one?.isConnected)
  event.preventDefault()
  ;(row?.querySelector('a') ?? document.getElementById('main'))?.focus()
}

/** @param {KeyboardEvent} event */
async function escape(event) {
  if (clear() || (await close())) event.preventDefault()
}

function newTask() {
  const line = document.getElementById('qa')
  if (!line) newTaskThere()
  line?.closest('form')?.classList.add('is-open')
  line?.focus()
  return true
}

/** @param {string} what */
function press(what) {
  const thing = /** @type {HTMLElement | null} */ (document.querySelector(what))
  if (thing instanceof HTMLButtonElement) thing.click()
  else thing?.focus()
  return Boolean(thing)
}

const palette = () => void ahead(import('./palette.js'), ({ showPalette }) => showPalette(meant()))
export const keySheet = () => void ahead(import('./sheet.js'), ({ showKeys }) => showKeys())

// Fetched when there is nothing else to do: who presses Ctrl-K or T sees it at once.
setTimeout(() => void Promise.allSettled([import('./palette.js'), import('./date.js')]), 2000)

document.querySelector('[data-palette]')?.addEventListener('click', (event) => {
  event.preventDefault()
  palette()
})
