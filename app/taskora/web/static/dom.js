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
