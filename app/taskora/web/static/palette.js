// @ts-check
/** Ctrl-K: find a task, go somewhere, do something, from one line. */
import { icon, made, showSheet } from './dom.js'
import { choosePart, keySheet, schedule } from './keys.js'
import { open } from './panel.js'
import { takeNew } from './queue.js'
import { act, titleOf } from './rows.js'

const PAUSE = 90
const TASKS = 6
const CHOICES = 50

/** @typedef {{text: string, words?: string, glyph?: string, hue?: string, done?: boolean, note?: string, keys?: string, marks?: [number, number][], run: () => void}} Option */

/**
 * @param {HTMLElement[]} rows what an act would be for
 * @param {{but: string[], then: (id: string) => void}} [choice] instead: which task (none of `but`) others are to be a part of
 */
export function showPalette(rows, choice) {
  const asks = choice ? 'Part of which task?' : 'Search or jump'
  /** @type {Option[]} */
  let options = []
  /** @type {Option[]} */
  let tasks = []
  let at = 0
  /** What `tasks` were looked for by. */
  let asked = ''
  const line = made('input', { type: 'text', role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'pal-l', 'aria-autocomplete': 'list', 'aria-label': asks, placeholder: asks, autocomplete: 'off' })
  const list = made('div', { class: 'pal-l', id: 'pal-l', role: 'listbox', 'aria-label': 'Results' })
  const none = made('p', { class: 'pal-e', role: 'status', hidden: true }, 'No open task like that')
  const foot = made('p', { class: 'pal-f' }, made('span', {}, made('kbd', {}, '↑'), made('kbd', {}, '↓'), ' choose'), made('span', {}, made('kbd', {}, '↵'), ' run'), !choice && made('span', {}, made('kbd', {}, 'Ctrl ↵'), ' add as a task'))
  const sheet = made('dialog', { class: 'pal', 'aria-label': asks, 'data-made': true }, made('div', { class: 'pal-in' }, icon('search'), line, made('kbd', {}, 'Esc')), list, none, foot)

  const acts = actsOn(rows)
  const places = placesOf()
  const adding = { text: 'Add a task', glyph: 'plus', keys: 'Ctrl ↵', run: add }

  function draw() {
    const chosen = options[at]
    const words = line.value.trim().toLowerCase().split(/\s+/).filter(Boolean)
    const fits = (/** @type {Option} */ one) => words.every((word) => ` ${one.text} ${one.words ?? ''}`.toLowerCase().includes(` ${word}`))
    const groups = /** @type {[string, Option[]][]} */ (choice ? [['Tasks', tasks]] : [
      [rows.length > 1 ? `With ${rows.length} tasks` : 'With this task', acts.filter(fits)],
      ['Tasks', tasks],
      ['Go to', places.filter(fits)],
      ['Do', [{ ...adding, text: line.value.trim() ? `Add “${line.value.trim()}” as a task` : adding.text }]],
    ])
    options = groups.flatMap(([, some]) => some)
    // What was gone to by arrows stays chosen when tasks come in above it.
    if (at > 0) at = Math.max(options.findIndex(({ run }) => run === chosen?.run), 0)
    let number = 0
    list.replaceChildren(...groups.filter(([, some]) => some.length).map(([head, some], group) =>
      made('div', { role: 'group', 'aria-labelledby': `pal-g${group}` }, made('h2', { id: `pal-g${group}`, role: 'presentation' }, head), ...some.map((one) => shown(one, number++)))))
    none.hidden = !choice || tasks.length > 0 || asked !== line.value.trim()
    choose(at)
  }

  /** @param {Option} one @param {number} number */
  function shown(one, number) {
    const mark = one.glyph ? icon(one.glyph) : made('span', one.hue ? { class: 'tag dot', 'data-hue': one.hue } : { class: 'ring', 'aria-hidden': 'true' })
    return made('div', { role: 'option', id: `pal-o${number}`, class: one.done ? 'opt is-done' : 'opt', onclick: () => run(one), onpointermove: () => at !== number && choose(number) },
      mark, made('span', {}, ...marked(one.text, one.marks ?? [])), one.note && made('small', {}, one.note), one.keys && made('kbd', {}, one.keys))
  }

  /** @param {number} number */
  function choose(number) {
    at = number
    for (const one of list.querySelectorAll('[role=option]')) one.setAttribute('aria-selected', String(one.id === `pal-o${at}`))
    line.setAttribute('aria-activedescendant', `pal-o${at}`)
    document.getElementById(`pal-o${at}`)?.scrollIntoView({ block: 'nearest' })
  }

  /** @param {Option} one */
  function run(one) {
    sheet.close()
    one.run()
  }

  function add() {
    const text = line.value.trim()
    if (text) takeNew(text)
    else document.getElementById('qa')?.focus()
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let soon
  line.addEventListener('input', () => {
    at = 0
    draw()
    clearTimeout(soon)
    soon = setTimeout(() => void find(), PAUSE)
  })

  async function find() {
    const text = line.value.trim()
    clearTimeout(soon)
    if (!text && !choice) tasks = []
    else {
      try {
        const query = new URLSearchParams({ q: text, limit: String(choice ? CHOICES : TASKS), families: 'true' })
        if (choice) for (const status of ['todo', 'in_progress']) query.append('status', status)
        const answer = await fetch(`/api/v1/tasks?${query}`, { signal: AbortSignal.timeout(5000) })
        if (!answer.ok || line.value.trim() !== text) return
        const { items, parents } = await answer.json()
        tasks = items.filter((/** @type {any} */ task) => !choice || !(task.parent_id || choice.but.includes(task.id)))
          .map((/** @type {any} */ task) => ({ ...found(task, parents[task.parent_id]), ...(choice && { run: () => choice.then(task.id) }) }))
      } catch {
        tasks = []
      }
    }
    asked = text
    draw()
  }

  /** Enter is for what was typed, not for what stood there before: what is still being looked for comes first. */
  async function enter() {
    if (at === 0 && line.value.trim() !== asked) await find()
    if (sheet.open && options[at]) run(options[at])
  }

  line.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') choose((at + (event.key === 'ArrowDown' ? 1 : -1) + options.length) % options.length)
    else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !choice) {
      sheet.close()
      add()
    } else if (event.key === 'Enter') void enter()
    else return
    event.preventDefault()
  })
  draw()
  if (choice) void find()
  showSheet(sheet)
  line.focus()
}

/** @param {HTMLElement[]} rows @returns {Option[]} */
function actsOn(rows) {
  if (!rows.length) return []
  const note = rows.length === 1 ? titleOf(rows[0]).slice(0, 30) : ''
  const one = (/** @type {string} */ text, /** @type {string} */ glyph, /** @type {string} */ verb, keys = '') => ({ text, glyph, note, keys, run: () => act(rows, verb) })
  return [
    one('Complete', 'done', 'complete', 'C'),
    one('Move to today', 'today', 'due today'),
    one('Move to tomorrow', 'today', 'due tomorrow'),
    { text: 'Schedule', words: 'due date when', glyph: 'today', note, keys: 'T', run: schedule },
    one('Urgent', 'warn', 'priority urgent', '1'), one('High priority', 'up', 'priority high', '2'), one('Medium priority', 'down', 'priority medium', '3'), one('Low priority', 'down', 'priority low', '4'),
    one('In progress', 'board', 'status in_progress'),
    { text: 'Make it part of another task', words: 'subtask parent', glyph: 'list', note, keys: 'P', run: () => void choosePart(rows) },
    ...(rows.length === 1 && rows[0].querySelector('[href$="#i-repeat"]') ? [one('Skip to the next date', 'skip', 'skip')] : []),
    one('Move to trash', 'trash', 'trash', 'Del'),
  ]
}

/** Wherever the sidebar leads. @returns {Option[]} */
function placesOf() {
  const links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll('#side .nav a, #side .side-h a')])
  const keys = { text: 'Keys', words: 'shortcuts help', glyph: 'key', keys: '?', run: keySheet }
  return [...links.map((link) => ({
    text: link.querySelector('span:not(.tag, .n)')?.textContent ?? link.title,
    hue: /** @type {HTMLElement | null} */ (link.querySelector('.tag'))?.dataset.hue,
    glyph: link.querySelector('use')?.getAttribute('href')?.split('#i-')[1],
    keys: link.dataset.go ? `G ${link.dataset.go.toUpperCase()}` : '',
    run: () => location.assign(link.href),
  })), keys]
}

/** A task as the API tells it, and what it is a part of. @param {any} task @param {string} [parent] @returns {Option} */
function found(task, parent) {
  const due = task.due_at ?? task.due_date
  const zone = document.body.dataset.zone
  const day = due ? new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: task.due_at ? zone : 'UTC' }).format(new Date(due)) : ''
  const note = [parent && `Part of ${parent}`, day].filter(Boolean).join(', ')
  return { text: task.title, done: task.status === 'done', note, marks: task.marks?.title ?? [], run: () => openTask(task.id) }
}

/** @param {string} id */
function openTask(id) {
  const address = new URL(location.href)
  address.searchParams.set('open', id)
  void open(made('a', { href: address.href }))
}

/** @param {string} text @param {[number, number][]} places */
function marked(text, places) {
  let at = 0
  const parts = places.flatMap(([start, end]) => {
    const before = text.slice(at, start)
    at = end
    return [before, made('mark', {}, text.slice(start, end))]
  })
  return [...parts, text.slice(at)]
}
