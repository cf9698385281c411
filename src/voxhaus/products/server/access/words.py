"""The words of the pages, in German.

Knows: a German sentence for each English one that a template has.
Refuses to know: templates. A test finds sentences that are missing here.
"""

LANGUAGES = ("en", "de")

GERMAN = {
    "This link was used before, or has ended.": (
        "Dieser Link wurde schon benutzt oder ist abgelaufen."
    ),
    "You are not signed in.": "Sie sind nicht angemeldet.",
    "All models": "Alle Modelle",
    "Answer to the applicant (optional)": "Antwort an die Person (freiwillig)",
    "Approve": "Annehmen",
    "Ask for a key": "Schlüssel anfragen",
    "Audio seconds a month": "Sekunden Ton im Monat",
    "Audit log": "Protokoll",
    "Back": "Zurück",
    "Chat": "Gespräch",
    "Come in": "Eintreten",
    "Days until it ends (empty: never)": "Tage bis zum Ablauf (leer: nie)",
    "Decided": "Entschieden",
    "E-mail": "E-Mail",
    "Empty fields are without limit.": "Leere Felder sind ohne Grenze.",
    "Everything was answered.": "Alles ist beantwortet.",
    "For what?": "Wofür?",
    "Get the key": "Schlüssel abholen",
    "Grace in hours": "Frist in Stunden",
    "Keep this link": "Bewahren Sie diesen Link auf",
    "Keys": "Schlüssel",
    "Earlier": "Früher",
    "Listening": "Zuhören",
    "Make a key": "Schlüssel anlegen",
    "Models": "Modelle",
    "Models, between commas (empty: all)": "Modelle, mit Kommas getrennt (leer: alle)",
    "Name": "Name",
    "New key": "Neuer Schlüssel",
    "Nobody may see it but you. It is not sent by e-mail.": (
        "Niemand außer Ihnen soll ihn sehen. Er wird nicht per E-Mail verschickt."
    ),
    "Nothing may leave this machine": "Nichts darf diesen Rechner verlassen",
    "Once this form is sent, your browser can administer this server for twelve hours.": (
        "Nach dem Absenden kann Ihr Browser diesen Server zwölf Stunden lang verwalten."
    ),
    "Open requests": "Offene Anfragen",
    "Optional. Names between commas.": "Freiwillig. Namen mit Kommas getrennt.",
    "Owner": "Gehört",
    "Reason (the applicant reads it)": "Grund (die Person liest ihn)",
    "Refuse": "Ablehnen",
    "Requests": "Anfragen",
    "Requests a minute": "Anfragen in der Minute",
    "Requests a month": "Anfragen im Monat",
    "Revoke": "Sperren",
    "Rights": "Rechte",
    "Rotate": "Erneuern",
    "Send": "Absenden",
    "Sign in": "Anmelden",
    "Sign out": "Abmelden",
    "Something is not right": "Etwas stimmt nicht",
    "Speech": "Sprechen",
    "Start the server with a new link, or run:": (
        "Einen neuen Link gibt es beim Start des Servers oder mit:"
    ),
    "State": "Zustand",
    "The approval has lapsed. Please ask again.": (
        "Die Zusage ist verfallen. Bitte fragen Sie noch einmal an."
    ),
    "The key is shown a single time, when you press this button.": (
        "Der Schlüssel wird ein einziges Mal gezeigt, sobald Sie diesen Knopf drücken."
    ),
    "The key was picked up. It is not shown again.": (
        "Der Schlüssel wurde abgeholt. Er wird nicht noch einmal gezeigt."
    ),
    "The old secret works until its grace ends.": "Das alte Geheimnis gilt bis zum Ende der Frist.",
    "This server takes no requests for keys.": "Dieser Server nimmt keine Anfragen an.",
    "Time": "Zeit",
    "Tokens a month": "Tokens im Monat",
    "Until": "Bis",
    "What": "Was",
    "Which models?": "Welche Modelle?",
    "Who": "Wer",
    "Who are you?": "Wer sind Sie?",
    "You": "Sie",
    "Your key": "Ihr Schlüssel",
    "Your request": "Ihre Anfrage",
    "Your request waits for an answer.": "Ihre Anfrage wartet auf eine Antwort.",
    "Your request was accepted.": "Ihre Anfrage wurde angenommen.",
    "Your request was refused.": "Ihre Anfrage wurde abgelehnt.",
    "active": "gültig",
    "approved": "angenommen",
    "collected": "abgeholt",
    "expired": "abgelaufen",
    "pending": "offen",
    "refused": "abgelehnt",
    "revoked": "gesperrt",
    "It is shown only now: copy it before you leave this page.": (
        "Er wird nur jetzt gezeigt: Kopieren Sie ihn, bevor Sie diese Seite verlassen."
    ),
    "It is the only way to the answer and to your key.": (
        "Nur über ihn finden Sie die Antwort und Ihren Schlüssel."
    ),
    "Decided requests": "Beantwortete Anfragen",
    "Administer": "Verwalten",
}


def language_of(accepted: str | None) -> str:
    """The first of our languages that a browser asks for, by its order of liking."""
    best, liking = "en", 0.0
    for part in (accepted or "")[:500].split(","):
        name, _, quality = part.partition(";q=")
        language = name.strip().lower().partition("-")[0]
        try:
            liked = float(quality) if quality else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and liked > liking:
            best, liking = language, liked
    return best


def translate(english: str, language: str) -> str:
    """A sentence in a language; itself where there is no other."""
    return GERMAN.get(english, english) if language == "de" else english
