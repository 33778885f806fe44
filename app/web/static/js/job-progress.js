// <job-progress data-events data-state> follows a job by server-sent events, or by asking every
// two seconds where those do not get through, and reloads the page when the job has ended.

class JobProgress extends HTMLElement {
  connectedCallback() {
    this.bar = this.querySelector('progress');
    this.text = this.querySelector('[role=status]');
    this.source = new EventSource(this.dataset.events);
    this.source.addEventListener('message', (event) => this.show(JSON.parse(event.data)));
    this.source.addEventListener('error', () => {
      this.source.close();
      this.timer ??= setInterval(() => this.ask(), 2000);
    });
  }

  disconnectedCallback() {
    this.source?.close();
    clearInterval(this.timer);
  }

  async ask() {
    const answer = await fetch(this.dataset.state, { headers: { Accept: 'application/json' } }).catch(() => null);
    if (answer?.ok) this.show(await answer.json());
  }

  show({ percent, said, status }) {
    this.bar.value = percent;
    if (said !== this.text.textContent) this.text.textContent = said;
    if (status === 'queued' || status === 'running') return;
    this.disconnectedCallback();
    location.reload();
  }
}

customElements.define('job-progress', JobProgress);
