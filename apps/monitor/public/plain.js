// Keeps the plain page up to date. Without it the page is complete, and reloads itself every ten seconds.
/* global document, location */

const PERIOD_MS = 2000;
const TIMEOUT_MS = 10_000;
const fleet = document.getElementById('fleet');
const link = document.getElementById('link');
let lastSeen = new Date();

async function update() {
  try {
    const response = await fetch(`/plain/fleet${location.search}`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const text = await response.text();
    lastSeen = new Date();
    link.textContent = `As of ${lastSeen.toLocaleTimeString()}`;
    link.className = '';
    // Somebody who types or selects is not disturbed.
    const isBusy =
      fleet.contains(document.activeElement) && document.activeElement.tagName === 'INPUT';
    if (!isBusy && String(document.getSelection()) === '') replace(text);
  } catch (error) {
    link.textContent = `▲ The link is lost since ${lastSeen.toLocaleTimeString()}, what you see is old (${error.message})`;
    link.className = 'lost';
  }
  setTimeout(update, document.hidden ? PERIOD_MS * 5 : PERIOD_MS);
}

function replace(text) {
  const scrolls = [...fleet.querySelectorAll('.scroll')].map(({ scrollLeft }) => scrollLeft);
  fleet.innerHTML = text;
  [...fleet.querySelectorAll('.scroll')].forEach((element, i) => {
    element.scrollLeft = scrolls[i] ?? 0;
  });
}

setTimeout(update, PERIOD_MS);
