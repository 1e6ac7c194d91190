// @ts-check
/** A day and a time, by words or by keys: "next thu 9:30", or arrows over a month. */
import { icon, made, showSheet } from './dom.js'
import { parse } from './page.js'

const PAUSE = 80
const DAY = 86_400_000
const WEEK = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const QUICK = ['Today', 'Tomorrow', 'Next week', 'No date']

/**
 * Ask for a due date; `then` gets what was chosen as words that the server understands, '' for no date.
 * @param {{value?: string, title?: string}} was value: as a form carries it, "2026-11-30 09:00"
 * @param {(chosen: string) => void} then
 */
export function askDate(was, then) {
  const today = document.body.dataset.today ?? ''
  const begins = Number(document.body.dataset.week ?? 0)
  let [day = '', time = ''] = (was.value ?? '').split(' ')
  let shown = day || today

  const words = made('input', { class: 'in', 'aria-label': 'Due, in words', placeholder: 'next thu 9:30', autocomplete: 'off', enterkeyhint: 'done', 'aria-describedby': 'when-said' })
  const said = made('p', { class: 'help', id: 'when-said', role: 'status' })
  const quick = made('div', { class: 'date-q' }, ...QUICK.map((name) => made('button', { class: 'chip', type: 'button', onclick: () => done(name === 'No date' ? '' : name.toLowerCase() + (name === 'No date' || !time ? '' : ` ${time}`)) }, name)))
  const month = made('b', { 'aria-live': 'polite' })
  const move = (/** @type {number} */ by) => () => {
    shown = iso(monthOn(shown, by))
    draw(false)
  }
  const head = made('div', { class: 'date-h' }, turn('left', 'Earlier month', move(-1)), month, turn('right', 'Later month', move(1)))
  const grid = made('table', { class: 'cal', role: 'grid' })
  const sheet = made('dialog', { class: 'date date-d', 'aria-label': was.title ? `Due: ${was.title}` : 'Due', 'data-made': true }, words, said, quick, head, grid)

  /** @param {string} chosen */
  function done(chosen) {
    sheet.close()
    then(chosen)
  }

  /** @param {boolean} focus */
  function draw(focus) {
    const first = new Date(`${shown.slice(0, 7)}-01T12:00Z`)
    month.textContent = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(first)
    const start = first.getTime() - ((first.getUTCDay() + 13 - begins) % 7) * DAY
    const rows = Array.from({ length: 6 }, (_, week) => made('tr', {}, ...Array.from({ length: 7 }, (__, n) => cell(iso(new Date(start + (week * 7 + n) * DAY))))))
    const names = [...WEEK.slice(begins), ...WEEK.slice(0, begins)].map((name) => made('th', { scope: 'col' }, made('abbr', { title: name }, name.slice(0, 2))))
    grid.replaceChildren(made('thead', {}, made('tr', {}, ...names)), made('tbody', {}, ...rows.filter((row) => row.querySelector('button'))))
    if (focus) /** @type {HTMLElement | null} */ (grid.querySelector('[tabindex="0"]'))?.focus()
  }

  /** @param {string} date */
  function cell(date) {
    if (date.slice(0, 7) !== shown.slice(0, 7)) return made('td')
    const label = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeZone: 'UTC' }).format(new Date(`${date}T12:00Z`)).replace(',', '')
    const button = made('button', {
      type: 'button', tabindex: date === shown ? 0 : -1, 'aria-label': label, 'data-day': date, class: date < today && 'past',
      'aria-current': date === today && 'date', 'aria-pressed': date === day && 'true', onclick: () => done(`${date} ${time}`.trim()),
    }, String(Number(date.slice(8))))
    return made('td', {}, button)
  }

  grid.addEventListener('keydown', (event) => {
    const steps = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 })
    if (event.key in steps) shown = iso(new Date(Date.parse(`${shown}T12:00Z`) + steps[event.key] * DAY))
    else if (event.key === 'PageUp' || event.key === 'PageDown') shown = iso(monthOn(shown, event.key === 'PageUp' ? -1 : 1))
    else return
    event.preventDefault()
    draw(true)
  })

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let soon
  words.addEventListener('input', () => {
    clearTimeout(soon)
    soon = setTimeout(() => void read(), PAUSE)
  })
  words.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') {
      event.preventDefault()
      draw(true)
    } else if (event.key === 'Enter') {
      event.preventDefault()
      void read().then((fine) => fine && done(words.value.trim() || `${day} ${time}`.trim()))
    }
  })

  async function read() {
    const text = words.value
    const body = new URLSearchParams({ _csrf: document.body.dataset.csrf ?? '', when: text })
    try {
      const answer = await fetch('/previews/when', { method: 'POST', body, signal: AbortSignal.timeout(5000) })
      const fresh = parse(await answer.text()).getElementById('when-said')
      if (!answer.ok || !fresh || words.value !== text) return false
      said.replaceChildren(...fresh.childNodes)
      words.toggleAttribute('aria-invalid', 'fault' in fresh.dataset)
      if ('fault' in fresh.dataset) return false
      if (fresh.dataset.value) {
        ;[day, time = ''] = fresh.dataset.value.split(' ')
        shown = day
        draw(false)
      }
      return true
    } catch {
      // Without an answer the words go as they are; the server says what it thinks of them.
      return true
    }
  }

  draw(false)
  showSheet(sheet)
  words.focus()
}

/** @param {string} name @param {string} label @param {() => void} act */
const turn = (name, label, act) => made('button', { class: 'btn ghost icon sm', type: 'button', 'aria-label': label, title: label, onclick: act }, icon(name, 'i s'))

/** @param {Date} date */
const iso = (date) => date.toISOString().slice(0, 10)

/** The same day of another month, or its last one. @param {string} day @param {number} by */
function monthOn(day, by) {
  const [year, month, date] = day.split('-').map(Number)
  const last = new Date(Date.UTC(year, month - 1 + by + 1, 0, 12)).getUTCDate()
  return new Date(Date.UTC(year, month - 1 + by, Math.min(date, last), 12))
}
