// @ts-check
/** Elements made by scripts, in the same hand as the templates' macros. */

const sprite = new URL('./icons.svg', import.meta.url).pathname

/**
 * An element; `null` and `false` attributes are left out, `on…` ones are listeners.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} name
 * @param {Record<string, any>} attributes
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function made(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value)
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : String(value))
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

/** @param {string} name @param {string} [cls] @param {string} [prefix] */
export function icon(name, cls = 'i', prefix = 'i-') {
  const mark = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use')
  mark.setAttribute('class', cls)
  mark.setAttribute('aria-hidden', 'true')
  use.setAttribute('href', `${sprite}#${prefix}${name}`)
  mark.append(use)
  return mark
}

/** The element with this id, of the kind it has to be. @param {string} id */
export const byId = (id) => /** @type {any} */ (document.getElementById(id))

/** @param {Element | null | undefined} thing */
const reachable = (thing) => thing instanceof HTMLElement && thing !== document.body && thing.isConnected && thing.checkVisibility()

/**
 * Where the keyboard is. What comes back, called when things have changed, puts it there again if it was lost: on what
 * stands in that place by now, else on the next of its kind, else on the page.
 */
export function footing(at = document.activeElement) {
  if (!(at instanceof HTMLElement) || at === document.body) return () => {}
  const kind = [at.localName, ...at.classList].slice(0, 2).join('.')
  const holder = at.closest('[id]')
  const alike = [...(at.closest('[data-swap]') ?? document).querySelectorAll(kind)]
  const place = alike.indexOf(at)
  return () => {
    if (reachable(document.activeElement)) return
    const now = document.getElementById(holder?.id ?? '')
    const again = holder === at ? now : now?.querySelector(kind)
    const menu = at.closest('details')?.querySelector('summary')
    const others = [...alike.slice(place + 1), ...alike.slice(0, Math.max(place, 0)).reverse()]
    const next = [at, again, menu, ...others, document.getElementById('main')].find(reachable)
    if (next instanceof HTMLElement) next.focus({ preventScroll: true })
  }
}

/** Take something off the page; the keyboard goes on from there. @param {Element} element */
export function takeAway(element) {
  const back = footing()
  element.remove()
  back()
}

/** Show a dialog until it is closed, by a press beside it too; the keyboard then goes back to where it was. @param {HTMLDialogElement} sheet */
export function showSheet(sheet) {
  const back = footing()
  sheet.addEventListener('click', (event) => event.target === sheet && sheet.close())
  sheet.addEventListener('close', () => {
    sheet.remove()
    back()
  })
  document.body.append(sheet)
  sheet.showModal()
}

/**
 * A field out of sight where the keyboard is until what was asked for is there, so that keys typed meanwhile act on
 * nothing. Enter ends the line; Escape and `release` give the keyboard back.
 */
export function holdKeys() {
  const back = footing()
  const field = made('input', { class: 'vh', 'aria-label': 'One moment', autocomplete: 'off', 'data-made': true })
  /** @type {{field: HTMLInputElement, release: () => void, enter?: KeyboardEvent}} */
  const held = {
    field,
    release() {
      window.removeEventListener('pagehide', held.release)
      const here = document.activeElement === field
      field.remove()
      if (here) back()
    },
  }
  field.addEventListener('keydown', (event) => {
    event.stopPropagation()
    if (event.key === 'Escape') held.release()
    else if (event.key === 'Enter' && !event.isComposing) {
      held.enter ??= event
      field.readOnly = true
    }
  })
  window.addEventListener('pagehide', held.release)
  document.body.append(field)
  field.focus({ preventScroll: true })
  return held
}

/**
 * Show what is on its way, unless Escape called it off; what was typed until then goes to where `show` puts the keyboard.
 * @template T @param {Promise<T>} coming @param {(come: T) => void} show
 */
export async function ahead(coming, show) {
  const held = holdKeys()
  try {
    const come = await coming
    if (!held.field.isConnected) return
    held.release()
    show(come)
  } finally {
    held.release()
  }
  // As if it were typed now: the field hears of it, and its user can take it back.
  if (held.field.value) document.execCommand('insertText', false, held.field.value)
  if (held.enter) document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', held.enter))
}
