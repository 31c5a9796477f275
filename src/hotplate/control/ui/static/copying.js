// Buttons that copy a text.

const labels = new WeakMap(); // what a button says when it has not just copied

/** Make every button with data-copy work, also those that come later. */
export function copyOnClick() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    if (!labels.has(button)) labels.set(button, button.textContent);
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed here";
    }
    setTimeout(() => { button.textContent = labels.get(button); }, 1500);
  });
}
