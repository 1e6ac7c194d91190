// @ts-check
/** Every key, on one sheet. */
import { made, showSheet } from './dom.js'
import { keysOn } from './keys.js'

const KEYS = [
  ['Anywhere', [['N', 'New task'], ['Ctrl K', 'Find, go, do'], ['G', 'I Inbox, T Today, U Upcoming, B Board, H Chat, L Tags, N Notifications, C Completed, X Trash, S Settings'], ['Z', 'Undo'], ['Esc', 'Leave a line, select nothing, close the task'], ['?', 'This sheet']]],
  ['In a list', [['J K', 'Next, previous'], ['Enter', 'Open'], ['X', 'Select; with Shift up to here'], ['Alt ↑ ↓', 'Move up, down; on the board also ← →']]],
  ['With a task, or all selected', [['C', 'Complete'], ['T', 'Schedule'], ['E', 'Edit the title'], ['P', 'Make it part of another task'], ['1 2 3 4', 'Urgent, high, medium, low'], ['Del', 'Move to trash']]],
]

export function showKeys() {
  const on = made('input', { type: 'checkbox', role: 'switch', onchange: () => localStorage.setItem('taskora.keys', on.checked ? 'on' : 'off') })
  on.checked = keysOn()
  const groups = KEYS.map(([head, rows]) => made('section', {}, made('h3', {}, /** @type {string} */ (head)), made('dl', { class: 'keys' }, .../** @type {string[][]} */ (rows).map(([keys, does]) =>
    made('div', {}, made('dt', {}, ...keys.split(' ').map((key) => made('kbd', {}, key))), made('dd', {}, ...(keys === 'G' ? does.split(', ').map(place) : [does])))))))
  const sheet = made('dialog', { class: 'dlg keys-d', 'aria-labelledby': 'keys-h', 'data-made': true },
    made('h2', { id: 'keys-h' }, 'Keys'), ...groups, made('div', { class: 'keys-f' }, made('label', { class: 'opt-c' }, on, 'Single keys'), made('button', { class: 'btn quiet', type: 'button', onclick: () => sheet.close() }, 'Close')))
  showSheet(sheet)
  sheet.scrollTop = 0
}

/** Where the key after G leads: "I Inbox". @param {string} way */
function place(way) {
  const [key, ...name] = way.split(' ')
  return made('span', { class: 'way' }, made('kbd', {}, key), ` ${name.join(' ')}`)
}
