import {
  createTheme,
  Modal,
  Drawer,
  Tooltip,
  Popover,
  Menu,
  Select,
  MultiSelect,
} from '@mantine/core';

/** What of Mantine differs everywhere. Colours and fonts are in tokens.css. */
export const mantineTheme = createTheme({
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    // Locking the scroll of the page puts a style element into it, which the content security policy refuses.
    Modal: Modal.extend({ defaultProps: { lockScroll: false, centered: true } }),
    Drawer: Drawer.extend({ defaultProps: { lockScroll: false, position: 'right', size: 480 } }),
    Tooltip: Tooltip.extend({ defaultProps: { withArrow: true, openDelay: 300, multiline: true } }),
    Popover: Popover.extend({ defaultProps: { shadow: 'md' } }),
    Menu: Menu.extend({ defaultProps: { shadow: 'md', position: 'bottom-end' } }),
    Select: Select.extend({ defaultProps: { comboboxProps: { shadow: 'md' } } }),
    MultiSelect: MultiSelect.extend({ defaultProps: { comboboxProps: { shadow: 'md' } } }),
  },
});
