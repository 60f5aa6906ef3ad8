// Small comforts; every page works without them.

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  const label = button.querySelector("span");
  const before = label.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    label.textContent = button.dataset.copied;
    setTimeout(() => { label.textContent = before; }, 2000);
  });
}

// After a refused form, begin with what is wrong.
document.querySelector("[data-focus]")?.focus();

// "/" goes to the search field, as long as nobody is typing.
document.addEventListener("keydown", (event) => {
  const search = document.querySelector("[data-search]");
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && search && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

// What is sent in batches goes on by itself.
document.querySelector("[data-goes-on]")?.requestSubmit();

// A choice of group on small screens is meant at once.
document.querySelector(".narrow-only select")?.addEventListener("change", (event) => {
  event.target.form.requestSubmit();
});

// The preview of a schedule follows what is typed; without a script, the button shows it.
const preview = document.getElementById("preview");
if (preview) {
  const button = document.querySelector("[data-preview]");
  button.hidden = true;
  let pause, latest = 0;
  const show = async () => {
    const turn = ++latest;
    const fields = new URLSearchParams(new FormData(button.form));
    fields.delete("data");
    fields.set("fragment", "1");
    const answer = await fetch(button.formAction, { method: "POST", body: fields }).catch(() => null);
    if (answer?.ok && turn === latest) preview.innerHTML = await answer.text();
  };
  // the group counts too: its zone is meant where the field of the zone is empty
  for (const part of document.querySelectorAll("[data-schedule], #group")) {
    part.addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(show, 300);
    });
  }
}
