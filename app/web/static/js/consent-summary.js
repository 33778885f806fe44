// <consent-summary data-vendor data-locale> says what the ticked boxes of its form mean. Without it
// the page's own sentence stands, which is true whatever is ticked.

export function join(parts) {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

// `parts` are [kinds, objects, isBounded, isPast]: what is ticked of what, whether the page tells
// borders of it, and whether these end before the chosen day.
export function sentence(vendor, parts, history, until) {
  const ticked = parts.filter(([kinds, objects]) => kinds.length && objects.length);
  const given = ticked.filter(([, , , isPast]) => !isPast);
  if (given.length) {
    const said = given.map(([kinds, objects, isBounded]) =>
      `the ${join(kinds)} of ${join(objects)}${isBounded ? ' within the limits shown' : ''}`);
    return `${vendor} may read ${join(said)}, ${history}, until ${until}.`;
  }
  if (ticked.length) return `What is ticked was recorded before, so ${vendor} would get nothing.`;
  const hasKinds = parts.some(([kinds]) => kinds.length), hasObjects = parts.some(([, objects]) => objects.length);
  const missing = hasKinds ? 'No object' : hasObjects ? 'No kind of data' : 'Nothing';
  return `${missing} is ticked yet, so ${vendor} would get nothing.`;
}

class ConsentSummary extends HTMLElement {
  connectedCallback() {
    this.form = this.closest('form');
    this.text = this.querySelector('p');
    this.form.addEventListener('input', (event) => {
      if (event.target.name === 'history_from') this.form.elements.history.value = 'from';
      if (event.target.name === 'until' && this.form.elements.ends) this.form.elements.ends.value = 'day';
      this.update();
    });
    this.update();
  }

  ticked(name, within = this.form) {
    return [...within.querySelectorAll(`input[name=${name}]:checked`)].map((box) => this.said(box));
  }

  // What a box is of, and how exactly that is told where it is not told exactly.
  said(box) {
    const how = document.getElementById(`how-${box.id.slice('kind-'.length)}`)?.selectedOptions[0];
    if (!how || how.value.endsWith(':exact')) return box.dataset.said;
    const [text] = how.text.split(':');
    return `${box.dataset.said} ${text[0].toLowerCase()}${text.slice(1)}`;
  }

  parts() {
    const fieldsets = [...this.form.querySelectorAll('fieldset:has(input[name=kind])')];
    const { history, history_from: from } = this.form.elements;
    const start = (history.value ?? history) === 'from' ? from?.value : this.dataset.today;
    return fieldsets.map((one) => [
      this.ticked('kind', one), one.dataset.of ? [one.dataset.of] : this.ticked('object'),
      'bounded' in one.dataset, Boolean(one.dataset.to) && one.dataset.to <= start,
    ]);
  }

  day(value) {
    if (!value) return 'a day you choose';
    const options = { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' };
    const parts = new Intl.DateTimeFormat(this.dataset.locale, options).formatToParts(new Date(value));
    const part = (type) => parts.find((found) => found.type === type).value;
    return `${part('day')} ${part('month')} ${part('year')}`;
  }

  history() {
    const { history, history_from: from } = this.form.elements;
    return (history.value ?? history) === 'from' ? `from ${this.day(from?.value)} on` : 'from today on';
  }

  end() {
    const { ends, until } = this.form.elements;
    return ends?.value === 'open' ? 'you end it' : this.day(until.value);
  }

  update() {
    const said = sentence(
      this.dataset.vendor, this.parts(), this.history(), this.end(),
    );
    if (said !== this.text.textContent) this.text.textContent = said;
  }
}

customElements.define('consent-summary', ConsentSummary);
