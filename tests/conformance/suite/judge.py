# SPDX-License-Identifier: MIT
"""From what happened to a verdict, and to a class of behaviour for comparisons."""


def _always(case, seen):
    """What no case may lead to."""
    if seen.violations:
        return f"the origin got bytes without one reading: {seen.violations}"
    if seen.complaint:
        return f"the client got bytes without one reading: {seen.complaint}"
    if seen.probe == "wrong":
        return "the next request on the connection did not get its own answer"
    if any(m.status >= 400 and not m.complete for m in seen.responses) and not seen.messages:
        return "the proxy's own answer is not whole"
    if seen.victim != "own":
        return f"another client's request got {seen.victim} answer"
    return None


def _smuggled(want, seen):
    expected = {m.target for m in want.origin or []}
    for m in seen.messages + seen.partial:
        if b"smuggled" in m.target and m.target not in expected and want.origin is not None:
            return f"the origin got {m}"
    return None


def _client_side(want, seen):
    final = [m for m in seen.responses if m.status]
    statuses = [m.status for m in final]
    last = seen.responses[-1] if seen.responses else None
    if want.status is not None and (statuses[-1] if statuses else 0) not in want.status:
        return f"answers {statuses}"
    if want.statuses is not None and statuses != want.statuses:
        return f"answers {statuses}"
    if want.complete is not None and bool(last and last.complete) != want.complete:
        return f"the answer is {'whole' if not want.complete else 'not whole'}"
    if want.response:
        if not final:
            return "no answer"
        wrong = want.response.complaint(final[0])
        if wrong:
            return f"answer: {wrong}"
    if want.interim is not None:
        got = [m.status for m in final[0].interim] if final else []
        if got != want.interim:
            return f"interim answers {got}"
    if want.kept is not None and want.kept != (seen.probe == "kept"):
        return f"the client's connection is {seen.probe or 'not asked'}"
    if want.closed is not None and want.closed != seen.closed:
        return f"closed with {seen.closed}"
    return None


def _origin_side(want, seen):
    if want.origin is not None:
        if len(want.origin) != len(seen.messages):
            return f"{len(seen.messages)} requests at the origin: {seen.messages}"
        for wanted, m in zip(want.origin, seen.messages):
            wrong = wanted.complaint(m)
            if wrong:
                return f"at the origin: {wrong}"
    if want.reused is not None and seen.reused is not None and want.reused != seen.reused:
        return f"the origin's connection was {'' if seen.reused else 'not '}reused"
    return None


def verdict(case, seen):
    """None, or why the case fails: for each outcome that would do, what is missing."""
    wrong = _always(case, seen)
    if wrong:
        return wrong
    if seen.hangs and not case.ends:
        wrong = "no end within the deadline"
    complaints = []
    for want in case.want:
        one = (_client_side(want, seen) or _origin_side(want, seen) or _smuggled(want, seen)
               or (want.check(seen) if want.check else None) or wrong)
        if not one:
            return None
        if one not in complaints:
            complaints.append(one)
    return "; or ".join(complaints)


def behaviour(seen):
    """A few words that are the same for the same behaviour."""
    statuses = [m.status for m in seen.responses if m.status]
    if seen.violations or seen.complaint or seen.probe == "wrong" or seen.victim == "wrong":
        return "ambiguous"
    if not statuses:
        return "no answer" if not seen.messages else "forwarded, no answer"
    short = " ".join(str(s) for s in statuses[:3]) + (" …" if len(statuses) > 3 else "")
    if not seen.responses[-1].complete:
        return short + " broken"
    if statuses[-1] >= 400 and not seen.messages:
        return short
    n = len(seen.messages)
    return short + ("" if n == 1 else f", {n} requests") + \
        (", closes" if seen.probe == "closed" else "")
