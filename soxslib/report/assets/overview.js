'use strict';
(() => {
  const find = document.getElementById('find');
  if (!find) return;
  const rows = [...document.querySelectorAll('table.targets tbody tr')];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  find.addEventListener('input', () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, i) => { row.hidden = !words.every((w) => texts[i].includes(w)); count += !row.hidden; });
    rows.forEach((row) => { row.style.display = row.hidden ? 'none' : ''; });
    document.getElementById('found').textContent = words.length ? `${count} of ${rows.length}` : '';
  });
})();
