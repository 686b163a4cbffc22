// What is live asks again: the page fetches itself and swaps each [data-live] element for the one with the same id.
// data-live="2" is the seconds to wait; data-events="…" names a stream whose every message means "ask now".
// The page without data-live that comes back at the end stops the asking.
{
  const live = () => [...document.querySelectorAll("[data-live][id]")];
  // An unfolded part is known by its id, or else by its place.
  const unfolded = (element) => [...element.querySelectorAll("details")].map((part, place) => [part.id || place, part]);
  // What somebody is typing, has ticked or is pressing is never swapped away from under them.
  const inUse = (element) =>
    element.querySelector(":active")
    || element.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")
    || element.querySelector('[data-was="on"]:not(:checked), [data-was="off"]:checked');

  function swap(old, fresh) {
    if (!fresh || old.isEqualNode(fresh) || inUse(old)) return;
    const wasOpen = new Map(unfolded(old).map(([key, part]) => [key, part.open]));
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    const next = document.adoptNode(fresh);
    for (const [key, part] of unfolded(next)) if (wasOpen.has(key)) part.open = wasOpen.get(key);
    old.replaceWith(next);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  // However busy the stream: a page is drawn at most so often, and a slow one takes its time twice over.
  const GAP = 1000;
  let asking = false, again = false, next = 0;
  async function ask() {
    if (document.hidden || !live().length) return;
    again = asking;
    if (asking) return;
    asking = true;
    const rest = next - performance.now();
    if (rest > 0) await new Promise((done) => setTimeout(done, rest));
    again = false;
    const begin = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const old of live()) swap(old, page.getElementById(old.id));
    } catch {
      // The panel is away for a moment: what is on the page stays, and the next turn asks again.
    } finally {
      next = performance.now() + Math.max(GAP, performance.now() - begin);
      asking = false;
      if (!live().length) stream?.close();
      else if (again) ask();
    }
  }

  function wait() {
    const seconds = Math.min(...live().map((element) => Number(element.dataset.live) || 5));
    if (!Number.isFinite(seconds)) return;
    setTimeout(async () => { await ask(); wait(); }, Math.max(1, seconds) * 1000);
  }

  const events = live().find((element) => element.dataset.events)?.dataset.events;
  const stream = events && new EventSource(events);
  stream?.addEventListener("message", ask);
  addEventListener("visibilitychange", ask);
  wait();
}
