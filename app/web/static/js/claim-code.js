// <claim-code> fills its field from the address's fragment (#claim=CODE), which no server sees,
// and keeps the code on this device through sign-in, for thirty minutes.

const KEY = 'inseam-claim';
const LIFE = 30 * 60 * 1000;

function keep(code) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ code, until: Date.now() + LIFE }));
  } catch { /* storage is off: the code is in the field all the same */ }
}

function kept() {
  try {
    const { code, until } = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    if (code && until > Date.now()) return code;
    localStorage.removeItem(KEY);
  } catch { /* storage is off */ }
  return '';
}

export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch { /* storage is off */ }
}

class ClaimCode extends HTMLElement {
  connectedCallback() {
    const field = this.querySelector('input[name=code]');
    const code = new URLSearchParams(location.hash.slice(1)).get('claim');
    if (code) {
      keep(code);
      history.replaceState(null, '', location.pathname + location.search);
    }
    const known = code || (field.value ? '' : kept());
    if (known) {
      field.value = known;
      this.querySelector('[data-filled]').hidden = false;
    }
    this.querySelector('form').addEventListener('submit', () => keep(field.value));
  }
}

customElements.define('claim-code', ClaimCode);

if (/^\/claim\/[^/]+/.test(location.pathname)) forget();
