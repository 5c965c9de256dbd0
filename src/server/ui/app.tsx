import type { FunctionComponent } from 'preact'
import { Header } from '#server/ui/components/header.tsx'
import { Notices } from '#server/ui/components/notices.tsx'
import { useSurroundings, useWords } from './context.ts'
import { focusContent } from './focus.ts'
import { AliasesPage } from '#server/ui/pages/aliases-page.tsx'
import { BackendsPage } from '#server/ui/pages/backends-page.tsx'
import { CredentialsPage } from '#server/ui/pages/credentials-page.tsx'
import { OverviewPage } from '#server/ui/pages/overview-page.tsx'
import { ServicesPage } from '#server/ui/pages/services-page.tsx'
import type { PageName } from './router.ts'

/** What is shown at which address: a new page is a name in router.ts, its words, and a row here. */
const pages: Readonly<Record<PageName, FunctionComponent>> = {
  overview: OverviewPage,
  services: ServicesPage,
  aliases: AliasesPage,
  backends: BackendsPage,
  credentials: CredentialsPage,
}

export const App: FunctionComponent = () => {
  const words = useWords()
  const { page } = useSurroundings().place.value
  const Page = pages[page]
  return (
    <>
      <a class="skip" href="#content" onClick={toContent}>
        {words.skip}
      </a>
      <Header />
      <main id="content" tabIndex={-1}>
        <Notices />
        <h1>{words[page]}</h1>
        <Page />
      </main>
    </>
  )
}

/** The hash is the address of a page, so the link must not change it. */
function toContent(event: Event): void {
  event.preventDefault()
  focusContent()
}
