// <copy-code> copies or prints the secrets it holds.

class CopyCode extends HTMLElement {
  connectedCallback() {
    const status = this.querySelector('[role=status]');
    const codes = () => [...this.querySelectorAll('li.code')].map((item) => item.textContent).join('\n');
    this.on('[data-copy]', async () => {
      try {
        await navigator.clipboard.writeText(codes());
        status.textContent = 'Copied.';
      } catch {
        status.textContent = 'Copying is not allowed here. Select the text instead.';
      }
    });
    this.on('[data-print]', () => window.print());
  }

  on(selector, act) {
    const button = this.querySelector(selector);
    if (!button) return;
    button.hidden = false;
    button.addEventListener('click', act);
  }
}

customElements.define('copy-code', CopyCode);
