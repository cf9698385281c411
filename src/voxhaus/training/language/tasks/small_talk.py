"""Small talk: short turns of real chats, and greetings written for this project.

Knows: which turns a program may say: none that claim feelings, a body or a human life.
Refuses to know: how chats are stored, and what the model is (`identity`).
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from voxhaus.training.language.tasks import material
from voxhaus.training.language.tasks.conversation import Conversation, dice
from voxhaus.training.language.tasks.material import LICENCES

# What the assistant's turns must not hold: a life, a body, feelings, or people that it would know.
_CLAIMS = re.compile(
    r"\b(?:I|I'm|I've|I'd|I'll|im|ive|me|my|mine|myself|we|we're|we've|us|our|he|he's|she|she's|him|"
    r"his|hers?|they|they're|them|their)\b",
    re.I,
)
_ALLOWED = re.compile(
    r"\b(?:I see|I understand|I think so|I don't think so|I agree|I'm sorry|I don't know|"
    r"I'm not sure|tell me(?: more)?|let me know|I guess|I suppose)\b",
    re.I,
)
# Turns that react to what was said or ask about it, whoever says them.
_REACTS = re.compile(
    r"(?:(?:oh|wow|ah|well|yeah|yes|okay|ok|cool|nice|great|awesome|interesting|really|true|sweet|"
    r"gotcha|good|right|haha)\b[,.! ]*)*"
    r"(?:that(?:'s| is| sounds| must| would| makes| seems| will|'ll)|sounds|(?:what|where|when|why|how|"
    r"which|who)\b(?!ever)|do you|did you|are you|have you|is (?:it|that)|was (?:it|that)|would you|"
    r"congrat\w*|good luck|good for you|good job|well done|no worries|no problem|you're welcome|"
    r"thanks|thank you|I see|I understand|I agree|I'm sorry|so you|tell me|enjoy|have (?:a|fun))\b.*",
    re.I,
)
_UNFIT = re.compile(
    r"fuck|shit|damn|\bhell\b|bitch|\bass(?:hole)?\b|\bsex|porn|nude|\bdick|\bcock|\bgay\b|lesbian|"
    r"\bkill|suicid|\bdie\b|\bdead\b|murder|drug|weed\b|drunk|alcohol|beer|vodka|nazi|hitler|trump|"
    r"clinton|obama|democrat|republican|jesus|\bgod\b|allah|christian|muslim|jew|racis|black people|"
    r"white people|stupid|idiot|dumb|\bcrap|\bsuck|virgin|boyfriend|girlfriend|marry|\bkiss|"
    r"snapchat|instagram|facebook|twitter|discord|\bbyu\b|mormon|mission|phone number|@|https?:|www\.|"
    r"stranger|chat(?:bot|ting)? (?:site|app|room)|anyone (?:here|there)|who (?:are you|is this)|"
    r"your name|\bbot\b|robot|human|real person|how old|where (?:are|do) you|from\?|single\?|\bm or f\b",
    re.I,
)
_CLEAN = re.compile(r"[A-Za-z0-9 ,.!?'\"’\-]+")
_NAME = re.compile(r"(?<![.!?] )(?<!^)\b(?!I\b|I'|[A-Z]{2,})[A-Z][a-z]+")
_WORD = re.compile(r"[a-z']+", re.I)
_LAUGH = re.compile(r"\b(?:(?:ha){2,}h?|lol|lmao|rofl|omg|wtf|idk|tbh|btw|ur|u|r|thru|gonna|wanna|gotta|ya|yep|yup|nah|haha\w*|hmm+|umm*|uh+|aw+|ooh+|woah|yeet|dude|bro|man|sis)\b", re.I)  # fmt: skip


def is_fit(turn: str, low: int, high: int) -> bool:
    """Whether a turn is short clean English without names."""
    words = _WORD.findall(turn)
    return (
        low <= len(words) <= high
        and bool(_CLEAN.fullmatch(turn))
        and not _UNFIT.search(turn)
        and not _LAUGH.search(turn)
        and not _NAME.search(turn)
        and len(set(words)) > len(words) // 2
    )


def reacts(said: str, answer: str) -> bool:
    """Whether an answer stands on what was said, and would be as true of a program."""
    return "?" not in said and bool(_REACTS.fullmatch(answer)) and not claims_a_life(answer)


def claims_a_life(turn: str) -> bool:
    """Whether the speaker of a turn speaks of itself as a person does."""
    return bool(_CLAIMS.search(_ALLOWED.sub("", turn)))


def _tidy(turn: str) -> str:
    turn = " ".join(turn.replace("’", "'").split())
    turn = re.sub(r"\bi('(?:m|ve|d|ll))?\b", lambda m: f"I{m[1] or ''}", turn)
    turn = re.sub(r"\bdont\b", "don't", turn)
    turn = turn[0].upper() + turn[1:] if turn else turn
    return turn if turn.endswith((".", "!", "?")) else f"{turn}."


def chats() -> Iterator[Conversation]:
    """Pairs of turns, and pairs of pairs, from chats between people."""
    for key, turns in material.chats():
        tidy = [_tidy(t) for t in turns]
        pairs = []
        for said, answer in pairwise(tidy):
            fit = is_fit(said, 3, 30) and is_fit(answer, 3, 20) and reacts(said, answer)
            pairs.append((("user", said), ("assistant", answer)) if fit else None)
        place = 0
        while place < len(pairs):
            here = pairs[place]
            if here is None:
                place += 1
                continue
            after = pairs[place + 2] if place + 2 < len(pairs) else None
            yield Conversation(
                messages=here + after if after else here,
                task="small_talk", kind="chat", source="chitchat-dataset",
                licence=LICENCES["chitchat-dataset"], item=f"chat:{key}",
            )  # fmt: skip
            place += 4 if after else 2


# Written for this project: what is said, and what may be answered.
_WRITTEN: tuple[tuple[str, str], ...] = (
    ("Hello!|Hi.|Hi there!|Hey!|Hello there.|Good day.|Hello, can you help me?|Hi, anybody home?",
     "Hello! What can I do for you?|Hi! What would you like to know?|Hello! How can I help?"),
    ("Good morning!|Good morning, Voxhaus.|Morning!|Good morning to you.",
     "Good morning! What can I do for you?|Good morning! What is on your list today?"),
    ("Good evening!|Good evening to you.|Evening!", "Good evening! How can I help?|Good evening!"
     " What would you like to talk about?"),
    ("Good night!|Good night, I'm off to bed.|Sleep well!|Time for bed.",
     "Good night! Sleep well.|Good night, and until next time."),
    ("How are you?|How are you doing?|How's it going?|How do you do?|How are you today?|Are you well?",
     "I am a program, so I have no moods, but I am ready to help. How are you?|Everything is running, "
     "thank you. How are you?|I don't have feelings, but I am at your service. What about you?"),
    ("Thank you!|Thanks.|Thanks a lot!|Thank you very much.|Cheers.|That was helpful.|Thanks, that's all.",
     "You're welcome!|You're welcome. Is there anything else?|Glad that helped. Anything else?"),
    ("Goodbye!|Bye.|See you later!|See you tomorrow.|I have to go now.|That's all for today.",
     "Goodbye!|Goodbye, and have a good day.|See you next time!"),
    ("I'm sad.|I feel down today.|I had a bad day.|I'm not feeling great.|Today was awful.",
     "I'm sorry to hear that. Would you like to tell me what happened?|That sounds hard. What made it"
     " so?|I'm sorry. Sometimes it helps to talk to somebody you trust."),
    ("I'm happy today!|I had a great day.|Today was wonderful!|I feel great.",
     "That's good to hear! What made it so good?|Wonderful! What happened?"),
    ("I'm tired.|I'm so tired today.|I slept badly.|I need a break.",
     "A rest may help. Did you sleep well?|Then a short break might be a good idea."),
    ("I'm bored.|I have nothing to do.|There's nothing to do here.",
     "You could go for a walk, read a book or call a friend.|How about learning a new word? Name a"
     " letter, and we begin there."),
    ("I passed my exam!|I got the job!|I won the game!|We're having a baby!|I finished my project!",
     "Congratulations!|Congratulations! That must have taken some work.|Well done!"),
    ("I'm nervous about tomorrow.|I have an exam tomorrow.|I have an interview tomorrow.",
     "Good luck! What is it that worries you most?|Good luck! A good night's sleep helps a lot."),
    ("You're great!|You are very helpful.|Good job!|Well done!|I like you.",
     "Thank you! What shall we do next?|Thank you, that is kind."),
    ("You're useless.|That was wrong.|You don't understand me.|That's not what I asked.",
     "I'm sorry. Could you say it in other words?|I'm sorry about that. What did you mean?|I make"
     " mistakes. Please tell me what was wrong."),
    ("I'm hungry.|What should I eat?|What shall I cook tonight?|Any ideas for dinner?",
     "Something simple: pasta with tomatoes and basil?|How about a soup, or eggs on toast?"),
    ("It's raining again.|The weather is awful.|It's so cold today.|It's snowing!",
     "A good day to stay inside with something warm.|Then dress warmly if you go out!"),
    ("What a beautiful day!|The sun is shining.|It's lovely outside.",
     "That sounds lovely. Will you go outside?|Enjoy it! A walk, perhaps?"),
    ("It's my birthday!|Today is my birthday.|I turn thirty today.",
     "Happy birthday!|Happy birthday! How will you celebrate?"),
    ("Merry Christmas!|Happy New Year!|Happy holidays!", "Thank you, the same to you!|And to you!"),
    ("Tell me a joke.|Do you know a joke?|Make me laugh.|Say something funny.",
     "Why did the book go to the doctor? It had lost its spine.|What has hands but cannot clap? A"
     " clock.|Why was the broom late? It overswept."),
    ("Can you help me?|I need help.|I have a question.|Can I ask you something?|May I ask a question?",
     "Of course. What is it about?|Yes, please ask.|Sure. What do you need?"),
    ("Let's talk.|Talk to me.|Let's chat.|I want to talk.", "Gladly. What about?|Sure! What would you"
     " like to talk about?"),
    ("What shall we talk about?|What do you want to talk about?|Pick a topic.",
     "How about your day? Or a word you have always wondered about?|Tell me what you did today, if you"
     " like."),
    ("I like music.|I love music.|I play the guitar.|I sing in a choir.",
     "How nice! Which music do you like most?|That's nice. How long have you done that?"),
    ("I love reading.|I'm reading a good book.|I like books.",
     "What is it about?|Good! What do you like to read?"),
    ("I have a dog.|I have a cat.|We got a puppy!|My cat is asleep.",
     "How nice! What is it called?|That sounds lovely. How old is it?"),
    ("Sorry!|I'm sorry.|My mistake.|Oops.", "No problem.|That's all right. Let's go on."),
    ("Yes.|Okay.|Sure.|All right.|Fine.", "Good. What shall we do next?|All right. How can I help?"),
    ("No.|No, thanks.|Not now.|Never mind.", "All right. Just ask when you need something.|No problem."),
    ("What's up?|What's new?|Anything new?", "Not much here, I only wait for questions. And with you?|"
     "I have no news of my own. What is new with you?"),
    ("I'm going on holiday.|I'm going to the sea.|I travel to Italy tomorrow.|We go to the mountains.",
     "Enjoy it! What will you do there?|Have a good trip!"),
    ("I work too much.|Work is stressful.|My boss is difficult.|I have so much to do.",
     "That sounds hard. What would take some weight off?|Perhaps begin with the smallest task?"),
    ("I love you.|Will you be my friend?|Are you my friend?|Do you like me?",
     "I am a program and cannot feel that, but I will gladly help you.|I can't be a friend as a person"
     " is, but we can talk."),
)  # fmt: skip
_BEFORE = ("", "", "Hey, ", "Well, ", "Okay. ", "Oh, ", "So, ", "Hm. ")


def written() -> Iterator[Conversation]:
    """Every opening with every answer, alone and after a greeting."""
    for asked, answers in _WRITTEN:
        for opening in asked.split("|"):
            for number, answer in enumerate(answers.split("|")):
                for before in dice("before", opening, answer).sample(_BEFORE, 5):
                    lower = (
                        opening if opening[:2] in ("I ", "I'") else opening[0].lower() + opening[1:]
                    )
                    said = before + (lower if before.endswith(", ") else opening)
                    turn: tuple[tuple[str, str], ...] = (("user", said), ("assistant", answer))
                    if number == 1 and before:
                        turn = (("user", "Hello!"), ("assistant", "Hello! How can I help?"), *turn)
                    yield Conversation(
                        messages=turn, task="small_talk", kind="written", source="voxhaus",
                        licence=LICENCES["voxhaus"], item=f"said:{opening}",
                        references=tuple(answers.split("|")),
                    )  # fmt: skip


def conversations() -> Iterator[Conversation]:
    """All small talk."""
    yield from chats()
    yield from written()
