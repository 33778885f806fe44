// Entry of every page. Each module defines one custom element that improves a page which
// already works; only passkeys need a script.
import './passkey-button.js';
import './consent-summary.js';
import './claim-code.js';
import './job-progress.js';
import './copy-code.js';
import './plot-cursor.js';

for (const field of document.querySelectorAll('[data-time-zone]')) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? '';
}
