'use strict';
(() => {
  const root = document.documentElement, key = 'soxs-theme';
  const stored = () => { try { return localStorage.getItem(key); } catch { return null; } };
  if (stored()) root.dataset.theme = stored();
  document.getElementById('theme').addEventListener('click', () => {
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    try { localStorage.setItem(key, root.dataset.theme); } catch { /* a file may not keep anything: for this page only */ }
    dispatchEvent(new Event('themechange'));
  });
})();
