// What is asked of a page in the browser by test_reading.py.
({
  // Controls in sight that a reader of the screen could not name.
  nameless() {
    const seen = element => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && element.getBoundingClientRect().width > 0;
    const inner = element => [...element.querySelectorAll('[aria-label], [alt]')].map(one => one.getAttribute('aria-label') || one.alt);
    const text = element => [element.textContent, element.getAttribute('title'), ...inner(element)].join(' ').trim();
    const pointed = element => (element.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id)?.textContent || '').join('');
    const name = element => element.getAttribute('aria-label') || pointed(element) || [...(element.labels || [])].map(text).join('') || text(element);
    const roles = ['button', 'combobox', 'tab', 'checkbox', 'radio'].map(role => `[role=${role}]`);
    const controls = ['button', 'a[href]', 'input:not([type=hidden])', 'select', 'textarea', ...roles].join(', ');
    return [...document.querySelectorAll(controls)].filter(seen).filter(element => !name(element)).map(element => element.outerHTML.slice(0, 160));
  },
  // Texts whose contrast with their ground is below WCAG 2.2 AA.
  faint() {
    const parts = colour => {
      const found = colour.match(/[\d.]+/g).map(Number);
      return { rgb: found.slice(0, 3), alpha: found[3] ?? 1 };
    };
    const over = (top, under) => top.rgb.map((value, n) => value * top.alpha + under[n] * (1 - top.alpha));
    const straight = value => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * straight(r) + 0.7152 * straight(g) + 0.0722 * straight(b);
    const ground = element => {
      const layers = [];
      for (let at = element; at; at = at.parentElement) {
        const colour = parts(getComputedStyle(at).backgroundColor);
        if (colour.alpha) layers.push(colour);
        if (colour.alpha === 1) break;
      }
      return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
    };
    const excused = 'style, script, [disabled], [aria-disabled=true], .ant-select-placeholder, .ant-picker-input, .held';
    const found = new Map();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const element = node.parentElement;
      if (!node.nodeValue.trim() || element.closest(excused) || !element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
      const style = getComputedStyle(element), under = ground(element);
      const [a, b] = [light(over(parts(style.color), under)), light(under)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const size = parseFloat(style.fontSize);
      const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
      if (ratio < least) found.set(`${style.color} on ${under.map(Math.round)}`, `${node.nodeValue.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
    }
    return [...found].map(one => one.join(': '));
  },
})
