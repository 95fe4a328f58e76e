import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './theme/tokens.css';
import './theme/shell.css';
import './theme/parts.css';
import './theme/table.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { FleetLink } from './live/fleet-link.js';
import { FleetStore } from './live/fleet-store.js';
import { mantineTheme } from './theme/mantine-theme.js';

const link = new FleetLink();
const store = new FleetStore({ link });

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    {/* Colours come from static style sheets: the content security policy allows no style element. */}
    <MantineProvider
      theme={mantineTheme}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <Notifications position="bottom-right" limit={4} />
      <App link={link} store={store} />
    </MantineProvider>
  </StrictMode>,
);
