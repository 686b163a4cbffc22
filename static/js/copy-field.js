// <copy-field>: the value can always be selected by hand; the button, hidden without this file, copies it.
customElements.define("copy-field", class extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    if (!button || !navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", () => this.#copy(button));
  }

  async #copy(button) {
    await navigator.clipboard.writeText(this.querySelector("code").textContent.trim());
    const label = button.getAttribute("aria-label");
    button.setAttribute("aria-label", "Copied");
    this.classList.add("is-copied");
    setTimeout(() => {
      button.setAttribute("aria-label", label);
      this.classList.remove("is-copied");
    }, 1500);
  }
});
