"""What the report of a mapping says, in Norwegian Bokmål and English."""

from __future__ import annotations

from hatespeech_no.taxonomy import Lang

WORDS: dict[Lang, dict[str, str]] = {
    "nb": {
        "title": "Kartlegging av hatefulle ytringer",
        "what": "Hva er talt: ytringer som angriper, truer, umenneskeliggjør, nedvurderer eller utestenger noen, "
        "eller er fordomsfulle mot dem, på grunn av et vernet kjennetegn. Uenighet, grov språkbruk og kritikk av "
        "religion eller politikk er ikke talt.",
        "collected": "Hvor ytringene er fra: {collected}.",
        "not_stated": "ikke oppgitt – uten det kan tallene ikke sammenlignes med andres",
        "how": "Hvordan: en modell sorterte alle {rows} ytringer. Mennesker leste {labels} av dem, trukket tilfeldig "
        "også blant dem modellen ikke meldte. Tallene bygger på det menneskene svarte; modellen gjør dem bare sikrere.",
        "unanswered": "{open} av de {drawn} ytringene som ble trukket, er ikke besvart. Tallene gjelder bare hvis det "
        "er tilfeldig hvilke: er det de vanskelige som står igjen, er de feil.",
        "surveyed": "Ytringene er et utvalg med vekter og står for en større befolkning; intervallene tar høyde for "
        "det.",
        "headline": "Anslagsvis {share} av ytringene er hatefulle (i parentes: 95 % intervall). Det er om lag "
        "{count_lo} til {count_hi} av {rows} ytringer.",
        "headline_actionable": "Anslagsvis {share} er mulig straffbare og må vurderes av et menneske. Det er ikke et "
        "antall lovbrudd: om noe er mulig straffbart, avhenger av sammenheng, hensikt og offentlighet som ikke står i "
        "teksten.",
        "headline_ground": "Det vanligste grunnlaget er {ground}: {share} av alle ytringer.",
        "headline_change": "Fra {before} til {month} endret andelen hatefulle seg med {change} prosentpoeng ({lo} til "
        "{hi}), mer enn tilfeldigheter gir.",
        "headline_no_change": "Ingen endring fra måned til måned kan skilles fra tilfeldigheter. Utvalget kunne ha "
        "vist endringer på minst {detectable} prosentpoeng.",
        "headline_naive": "Modellens egne treff ({naive}) er ikke en forekomst og skal ikke siteres som det: det er "
        "for mange falske alarmer eller for mange oversette blant dem.",
        "headline_drift": "Modellen treffer ikke likt i alle måneder ({months}); tell ikke treff mot treff over tid.",
        "not_said": "Rapporten gjengir ingen ytringer og sier ingenting om den enkelte som skrev. Den viser ytringer, "
        "ikke personer, og ikke hvor mange som er blitt rammet.",
        "summary": "Kort sagt",
        "grounds": "Mot hvem",
        "grounds_guide": "Andel av alle ytringer som er hatefulle på grunn av hvert kjennetegn, med 95 % intervall. "
        "En ytring kan ramme flere. Kjønn og andre vernede grunnlag står ikke i straffeloven § 185.",
        "arenas": "Hvor",
        "arenas_guide": "Andel hatefulle ytringer på hver arena, med 95 % intervall. Arenaer er ulike i hvem som "
        "skriver og hva som slettes; forskjeller er ikke rangeringer.",
        "months": "Over tid",
        "months_guide": "Andel hatefulle ytringer hver måned, med 95 % intervall.",
        "changes_guide": "Endring fra måneden før, i prosentpoeng; p er rettet for antall sammenligninger (Holm). "
        "Siste kolonne: den minste endringen som ville blitt oppdaget åtte av ti ganger.",
        "drift_guide": "Om modellen leser likt hele tiden. PSI over 0,2: den møter andre tekster enn ellers. Feil: "
        "hvor mange prosentpoeng oftere mennesker fant hat enn modellen ventet, mot de andre månedene.",
        "tiers": "Hvor mye krever oppmerksomhet",
        "tiers_guide": "Nivåene er en sortering etter hvor mye oppmerksomhet en ytring trenger fra et menneske, aldri "
        "en avgjørelse. Andelen mulig straffbare er ikke et antall lovbrudd.",
        "tiers_tested": "Anslagene for nivåene er etterprøvd med simulering alene: det finnes ingen norske tekster "
        "der det rettslige nivået er kjent.",
        "conducts": "Hva ordene gjør",
        "conducts_guide": "Andel av alle ytringer, etter det groveste som gjøres i hver hatefulle ytring.",
        "tool": "Hvor pålitelig verktøyet er",
        "tool_guide": "Av det modellen melder er bare en del hatefullt, og noe hatefullt blir ikke meldt. Derfor er "
        "antall treff ikke en forekomst.",
        "flagged": "meldt av modellen",
        "unflagged": "ikke meldt av modellen",
        "crimes": "Registrerte hatlovbrudd",
        "crimes_guide": "Fra andre kilder, til sammenligning. De telles etter andre regler og er aldri lagt til eller "
        "trukket fra tallene over.",
        "methods": "Metode og alle tall",
        "methods_guide": "Stratifisert prediksjonsstøttet inferens med egen vekt i hvert stratum (Angelopoulos mfl. "
        "2023, Fisch mfl. 2024). Intervallet i et stratum er eksakt (Clopper og Pearson 1934) for så mange svar som "
        "det er verdt (Korn og Graubard 1998); strata legges sammen med MOVER (Zou og Donner 2008). Til "
        "sammenligning: svar vektet med trekksannsynlighet (Hájek 1971) og, der det er gitt en annen merket prøve, "
        "justert opptelling (Rogan og Gladen 1978). Færre enn {fewest} svar: kan ikke anslås. I simuleringer med "
        "kjent forekomst fra 0,4 til 10 % holdt intervallene i minst 93 % av tilfellene, oftere enn de lovte 95 % i "
        "de fleste (experiments/mapping_coverage).",
        "suppression_guide": "«Holdt tilbake»: under {smallest} ytringer, eller en celle som ellers røper en slik. "
        "Alle tall som kan vises, også hvert grunnlag på hver arena, står i tables/estimates.csv.",
        "strata_guide": "Utvalget: ytringene delt etter modellens sannsynlighet for hatefull (og arena). Frø {seed}, "
        "planlagt for en forekomst på {expected}.",
        "provenance": "Skårfil SHA-256 {scored}. Svar SHA-256 {labels}. Trukket {drawn}, besvart {answered}. "
        "Programvare hatespeech_no {version}, regler {rules}, kodebok {taxonomy}.",
        "naive_axis": "modellens treff (ikke en forekomst)",
        "estimate_axis": "anslag med 95 % intervall",
        "axis": "% av ytringene",
        "arena": "arena",
        "month": "måned",
        "before": "fra",
        "measure": "mål",
        "share": "anslag (95 %)",
        "rows": "ytringer",
        "labels": "lest av mennesker",
        "naive": "treff, ikke en forekomst",
        "weighted": "bare svar",
        "adjusted": "justert opptelling",
        "change": "endring (95 %)",
        "p": "p",
        "detectable": "minste synlige",
        "psi": "PSI",
        "error": "feil",
        "warn": "advarsel",
        "yes": "ja",
        "no": "nei",
        "year": "år",
        "ground": "grunnlag",
        "count": "antall",
        "source": "kilde",
        "score_from": "sannsynlighet over",
        "drawn": "trukket",
        "not_estimable": "kan ikke anslås",
        "withheld": "holdt tilbake",
        "all": "alle",
        "page": "side",
    },
    "en": {
        "title": "Mapping of hateful expression",
        "what": "What is counted: statements that attack, threaten, dehumanise, degrade or exclude somebody, or are "
        "prejudiced against them, because of a protected characteristic. Disagreement, coarse language and criticism "
        "of religion or policy are not counted.",
        "collected": "Where the statements are from: {collected}.",
        "not_stated": "not stated – without it these figures cannot be compared with other people's",
        "how": "How: a model sorted all {rows} statements. People read {labels} of them, drawn at random also among "
        "those that the model did not flag. The figures rest on what people answered; the model only makes them surer.",
        "unanswered": "{open} of the {drawn} statements that were drawn have no answer. The figures hold only if "
        "chance left these out: if they are the difficult ones, the figures are wrong.",
        "surveyed": "The statements are a sample with weights and stand for a larger population; intervals allow for "
        "that.",
        "headline": "An estimated {share} of the statements are hateful (in brackets: 95 % interval). That is about "
        "{count_lo} to {count_hi} of {rows} statements.",
        "headline_actionable": "An estimated {share} are possibly punishable and a human must assess them. This is "
        "not a count of crimes: whether something is possibly punishable depends on context, intent and publicity, "
        "which are not in the text.",
        "headline_ground": "The commonest ground is {ground}: {share} of all statements.",
        "headline_change": "From {before} to {month} the share of hateful statements changed by {change} percentage "
        "points ({lo} to {hi}), more than chance does.",
        "headline_no_change": "No change from month to month can be told from chance. The sample could have shown "
        "changes of at least {detectable} percentage points.",
        "headline_naive": "The model's own hits ({naive}) are not a prevalence and must not be quoted as one: there "
        "are too many false alarms or too many misses among them.",
        "headline_drift": "The model does not read equally well in all months ({months}); do not compare hits over "
        "time.",
        "not_said": "The report quotes no statement and says nothing of anybody who wrote one. It shows statements, "
        "not persons, and not how many were affected.",
        "summary": "In short",
        "grounds": "Towards whom",
        "grounds_guide": "Share of all statements that are hateful because of each characteristic, with 95 % "
        "intervals. A statement may attack several. Gender and other protected grounds are not in straffeloven § 185.",
        "arenas": "Where",
        "arenas_guide": "Share of hateful statements in each arena, with 95 % intervals. Arenas differ in who writes "
        "and in what is deleted; differences are no rankings.",
        "months": "Over time",
        "months_guide": "Share of hateful statements in each month, with 95 % intervals.",
        "changes_guide": "Change from the month before, in percentage points; p is corrected for the number of "
        "comparisons (Holm). Last column: the smallest change that would have been found eight times out of ten.",
        "drift_guide": "Whether the model reads alike at all times. PSI above 0.2: it meets other texts than "
        "otherwise. Error: how many percentage points more often people found hatred than the model expected, against "
        "the other months.",
        "tiers": "How much needs attention",
        "tiers_guide": "Tiers sort by how much attention from a human a statement needs, and never decide. The share "
        "that is possibly punishable is not a count of crimes.",
        "tiers_tested": "The estimates of tiers have been tested by simulation alone: there are no Norwegian texts "
        "whose legal tier is known.",
        "conducts": "What the words do",
        "conducts_guide": "Share of all statements, by the gravest thing that each hateful statement does.",
        "tool": "How reliable the tool is",
        "tool_guide": "Of what the model flags only a part is hateful, and some of what is hateful is not flagged. "
        "That is why the number of hits is not a prevalence.",
        "flagged": "flagged by the model",
        "unflagged": "not flagged by the model",
        "crimes": "Registered hate crimes",
        "crimes_guide": "From other sources, for comparison. They are counted by other rules, and never added to or "
        "subtracted from the figures above.",
        "methods": "Method and all figures",
        "methods_guide": "Stratified prediction-powered inference, tuned in each stratum (Angelopoulos et al. 2023, "
        "Fisch et al. 2024). The interval of a stratum is exact (Clopper and Pearson 1934) for as many answers as it "
        "is worth (Korn and Graubard 1998); strata are added up by MOVER (Zou and Donner 2008). For comparison: "
        "answers weighted by inclusion probability (Hájek 1971) and, where another labelled sample is given, the "
        "adjusted count (Rogan and Gladen 1978). Fewer than {fewest} answers: not estimable. In simulations with "
        "known prevalence from 0.4 to 10 % the intervals held in at least 93 % of cases, in most of them more often "
        "than the 95 % they promise (experiments/mapping_coverage).",
        "suppression_guide": "“Withheld”: fewer than {smallest} statements, or a cell that would give such a one "
        "away. All figures that may be shown, also each ground in each arena, are in tables/estimates.csv.",
        "strata_guide": "The sample: statements parted by the model's probability of hateful (and by arena). Seed "
        "{seed}, planned for a prevalence of {expected}.",
        "provenance": "Scored file SHA-256 {scored}. Answers SHA-256 {labels}. Drawn {drawn}, answered {answered}. "
        "Software hatespeech_no {version}, rules {rules}, codebook {taxonomy}.",
        "naive_axis": "the model's hits (not a prevalence)",
        "estimate_axis": "estimate with 95 % interval",
        "axis": "% of the statements",
        "arena": "arena",
        "month": "month",
        "before": "from",
        "measure": "measure",
        "share": "estimate (95 %)",
        "rows": "statements",
        "labels": "read by people",
        "naive": "hits, not a prevalence",
        "weighted": "answers alone",
        "adjusted": "adjusted count",
        "change": "change (95 %)",
        "p": "p",
        "detectable": "smallest visible",
        "psi": "PSI",
        "error": "error",
        "warn": "warning",
        "yes": "yes",
        "no": "no",
        "year": "year",
        "ground": "ground",
        "count": "number",
        "source": "source",
        "score_from": "probability above",
        "drawn": "drawn",
        "not_estimable": "not estimable",
        "withheld": "withheld",
        "all": "all",
        "page": "page",
    },
}
