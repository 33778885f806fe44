// <plot-cursor> reads a plot's own table: move over the drawing, or focus it and use the arrow
// keys, and the row under the cursor is shown and read out.

const SVG = 'http://www.w3.org/2000/svg';

class PlotCursor extends HTMLElement {
  connectedCallback() {
    this.rows = [...this.querySelectorAll('tbody tr')];
    this.drawings = [...this.querySelectorAll('svg.plot[data-left]:not(.plot-year)')];
    if (!this.rows.length || !this.drawings.length || !this.hasAttribute('data-even')) return;
    this.at = -1;
    this.readout = document.createElement('output');
    this.readout.className = 'readout';
    this.drawings.at(-1).after(this.readout);
    this.tabIndex = 0;
    this.setAttribute('role', 'group');
    this.setAttribute('aria-label', `${this.dataset.label}: arrow keys read the values`);
    this.addEventListener('keydown', (event) => this.key(event));
    for (const drawing of this.drawings) this.watch(drawing);
  }

  watch(drawing) {
    const line = document.createElementNS(SVG, 'line');
    line.setAttribute('class', 'plot-cursor');
    drawing.append(line);
    drawing.addEventListener('pointermove', (event) => {
      const box = drawing.getBoundingClientRect();
      const { left, right } = drawing.dataset;
      const share = ((event.clientX - box.left) / box.width - left) / (right - left);
      this.show(Math.floor(share * this.rows.length));
    });
    drawing.addEventListener('pointerleave', () => this.show(-1));
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === 'Escape') this.show(-1);
    if (!step || event.target !== this) return;
    event.preventDefault();
    this.show(Math.min(Math.max(this.at + step, 0), this.rows.length - 1));
  }

  show(index) {
    this.at = index >= 0 && index < this.rows.length ? index : -1;
    const cells = this.at < 0 ? [] : [...this.rows[this.at].cells].map((cell) => cell.textContent);
    this.readout.textContent = cells.length ? `${cells[0]}: ${cells.slice(1).join(', ')}` : '';
    for (const drawing of this.drawings) this.mark(drawing);
  }

  mark(drawing) {
    const line = drawing.querySelector('.plot-cursor');
    const { width, height } = drawing.viewBox.baseVal;
    const { left, right } = drawing.dataset;
    const x = (+left + ((this.at + 0.5) / this.rows.length) * (right - left)) * width;
    line.classList.toggle('shown', this.at >= 0);
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: 8, y2: height - 28 })) {
      line.setAttribute(name, value);
    }
  }
}

customElements.define('plot-cursor', PlotCursor);
