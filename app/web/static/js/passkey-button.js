// <passkey-button mode="get|create" data-options data-verify data-next [data-fields] [conditional]>
// asks the server for options, the browser for a credential, and the server to check it. A
// problem that carries `confirm` asks for a fresh sign-in at that address first.

async function post(url, body) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (said.confirm) location.assign(said.confirm);
  if (!answer.ok) throw new Error(said.detail || said.title || 'The server did not accept this.');
  return said;
}

const plain = {
  NotAllowedError: 'This was cancelled or took too long. You can try again.',
  InvalidStateError: 'This device has a passkey for you already.',
  SecurityError: 'Passkeys do not work at this address. Use the e-mail link.',
};

class PasskeyButton extends HTMLElement {
  connectedCallback() {
    this.button = this.querySelector('button');
    this.status = this.querySelector('[role=status]');
    if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
      this.say('This browser has no passkeys. Use the other way below.');
      return;
    }
    this.button.hidden = false;
    this.button.addEventListener('click', () => this.run());
    if (this.hasAttribute('conditional')) this.offer();
  }

  // Passkeys in the browser's own list under the e-mail field; a click on the button ends it.
  async offer() {
    const able = await PublicKeyCredential.isConditionalMediationAvailable?.();
    if (able) this.run('conditional');
  }

  async run(mediation) {
    this.abort?.abort();
    this.abort = new AbortController();
    if (!mediation) this.busy(true);
    try {
      const credential = await this.ask(mediation, this.abort.signal);
      if (!credential) throw new Error('The device gave no passkey.');
      this.chosen = true;
      this.say('Checking…');
      const done = await post(this.dataset.verify, {
        credential: credential.toJSON(),
        next: this.dataset.next,
      });
      location.assign(done.next || this.dataset.next);
    } catch (error) {
      if (mediation && !this.chosen) return;
      if (error.name !== 'AbortError') this.say(plain[error.name] || error.message);
      this.busy(false);
    }
  }

  async ask(mediation, signal) {
    const publicKey = await post(this.dataset.options, this.fields());
    if (this.getAttribute('mode') === 'create') {
      return navigator.credentials.create({
        publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey), signal,
      });
    }
    return navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey), mediation, signal,
    });
  }

  fields() {
    const names = (this.dataset.fields || '').split(' ').filter(Boolean);
    const form = this.closest('form');
    return Object.fromEntries(names.map((name) => [name, form?.elements[name]?.value ?? '']));
  }

  busy(yes) {
    this.button.disabled = yes;
    if (yes) this.say('Waiting for your device…');
  }

  say(text) {
    this.status.textContent = text;
  }
}

customElements.define('passkey-button', PasskeyButton);
