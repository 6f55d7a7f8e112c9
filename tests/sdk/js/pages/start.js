// The page's own script: the options come in its address, so that it lives under a strict policy.
tappa.init(JSON.parse(new URLSearchParams(location.search).get("options")));
