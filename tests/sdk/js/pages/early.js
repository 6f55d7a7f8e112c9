// Calls from before the script is there, which comes half a second later.
tappa.page("Early");
tappa.track("First");
setTimeout(() => tappa.track("Second"), 100);
tappa.ready(() => {
  globalThis.readyCalled = true;
});
setTimeout(() => {
  const script = document.createElement("script");
  script.src = "/tappa.js";
  document.head.append(script);
}, 500);
