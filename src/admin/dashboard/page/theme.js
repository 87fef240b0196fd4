// Light or dark, as the system has it or as was chosen here. It runs before the page is painted, so it is no module.

(() => {
  const KEPT = 'windlass.theme';
  const read = () => {
    try {
      return localStorage.getItem(KEPT) || '';
    } catch {
      return ''; // No storage for this page: the system decides.
    }
  };
  const keep = (theme) => {
    try {
      if (theme) localStorage.setItem(KEPT, theme);
      else localStorage.removeItem(KEPT);
    } catch {
      // It holds until the tab is closed.
    }
  };
  const apply = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };

  apply(read());
  addEventListener('DOMContentLoaded', () => {
    const choice = document.getElementById('theme');
    choice.value = read();
    choice.addEventListener('change', () => {
      keep(choice.value);
      apply(choice.value);
    });
  });
})();
