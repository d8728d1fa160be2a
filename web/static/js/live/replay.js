/** A show that is over: its picture, and chapters that lead to where a product was shown. */
class VitrineReplay extends HTMLElement {
  connectedCallback() {
    const video = this.querySelector("video");
    if (!video) return;
    /** @type {HTMLButtonElement[]} */
    this.buttons = [...this.querySelectorAll("button")];
    for (const button of this.buttons) {
      button.addEventListener("click", () => {
        video.currentTime = Number(button.dataset.from);
        video.play().catch(() => undefined);
      });
    }
    video.addEventListener("timeupdate", () => this.mark(video.currentTime));
    this.load(video).catch(() => this.complain());
  }

  disconnectedCallback() {
    this.engine?.destroy();
  }

  /** @param {HTMLVideoElement} video */
  async load(video) {
    const url = this.dataset.url ?? "";
    // Chromium's own player stalls where a show was interrupted twice: it is used only where there is no other.
    const { default: Hls } = await import("hls.js/light");
    if (!Hls.isSupported()) {
      video.addEventListener("error", () => this.complain());
      video.src = url;
      return;
    }
    const engine = (this.engine = new Hls({ startPosition: 0, maxBufferLength: 20, backBufferLength: 60 }));
    engine.on(Hls.Events.ERROR, (_, problem) => problem.fatal && this.complain());
    engine.loadSource(url);
    engine.attachMedia(video);
  }

  /** Show which chapter is played. @param {number} at seconds */
  mark(at) {
    for (const button of this.buttons ?? []) {
      const inside = at >= Number(button.dataset.from) && at < Number(button.dataset.to);
      if (inside) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  complain() {
    const trouble = this.querySelector("[data-trouble]");
    if (trouble instanceof HTMLElement) trouble.hidden = false;
  }
}

customElements.define("vitrine-replay", VitrineReplay);
