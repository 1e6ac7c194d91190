// @ts-check
/** What one looks at stays where it is when a newer page is taken over; what has to make room glides there. */

const GLIDE = { id: 'glide', duration: 160, easing: 'ease-out' }

const things = () => document.querySelectorAll('#list :is(li[id], .day-h, .more)')

/** @param {Element} thing */
const topOf = (thing) => thing.getBoundingClientRect().top

/** Where everything in sight stands. What comes back, called after a change, keeps it there. */
export function still() {
  const all = new Set(things())
  const tops = new Map([...all].map((thing) => /** @type {[Element, number]} */ ([thing, topOf(thing)])).filter(([, top]) => top > -innerHeight / 2 && top < innerHeight))
  const pointed = document.querySelector('#list li:focus-within') ?? document.querySelector('#list li:hover')
  return () => {
    const left = [...tops.keys()].filter((thing) => thing.isConnected)
    // What glides still is on its way from where it was seen last.
    for (const thing of left) for (const one of thing.getAnimations()) if (one.id === GLIDE.id) one.cancel()
    const fell = (/** @type {Element} */ thing) => topOf(thing) - (tops.get(thing) ?? 0)
    // Who went past others is followed by nobody's eyes.
    const now = new Map(left.map((thing) => [thing, topOf(thing)]))
    const ordered = [...left].sort((a, b) => (now.get(a) ?? 0) - (now.get(b) ?? 0))
    const stayed = left.filter((thing, place) => ordered[place] === thing)
    // Of a page that stands at its top, only what is pointed at is held: else what is new would never be seen.
    const anchor = stayed.find((thing) => thing === pointed) ?? (scrollY > 0 ? stayed.find((thing) => (tops.get(thing) ?? 0) >= 0) : null)
    if (anchor) window.scrollBy({ top: fell(anchor), behavior: 'instant' })
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return
    for (const thing of left) {
      const by = fell(thing)
      if (by && Math.abs(by) < innerHeight) thing.animate({ translate: [`0 ${-by}px`, '0 0'] }, GLIDE)
    }
    for (const thing of things()) if (!all.has(thing)) thing.animate({ opacity: [0, 1] }, GLIDE)
  }
}
