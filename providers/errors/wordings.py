"""How providers, gateways and servers word their failures: codes and sentences, as tables. Pure data.

Sources: the providers' references of errors, the sources of self-hosted servers, recorded errors and public reports.
Codes are spelled as ``failure.normalized`` spells them: lower case, letters and digits only, without ``error`` or
``exception`` at their end. Sentences are regular expressions; case is ignored. ``.{0,60}`` bridges names and numbers.
Every line has a row in tests/providers/errors/test_wordings.py.
"""

import re
from collections.abc import Iterable

from providers.errors import taxonomy as errors
from providers.errors.taxonomy import LLMError


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Return one expression for a table: any of its lines, in any case, over any number of lines of text."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE | re.DOTALL)


#: Codes, types and statuses that are decisive alone. The first class that has one of an error's codes wins.
CODES: dict[type[LLMError], str] = {
    errors.LLMContextWindowExceededError: """
        contextlengthexceeded contextwindowexceeded modelcontextwindowexceeded exceedcontextsize contextoverflow
        tokenslimitreached modelmaxprompttokensexceeded maxprompttokensexceeded prompttoolong inputtoolong inputtokensexceeded contexttoolong tokenstoolong
        outofcontext
    """,
    errors.LLMInsufficientCreditsError: """
        insufficientquota insufficientuserquota billing billinghardlimitreached billingnotactive insufficientcredit
        insufficientcredits insufficientbalance insufficientfunds notenoughbalance paymentrequired outofcredits
        arrearage accountoverdue accountoverdueerror balanceinsufficient budgetexceeded exceededbudget
        creditsexhausted creditbalanceexhausted creditlimitexceeded spendlimitexceeded
        organizationspendlimitexceeded projectspendlimitexceeded freetieronly exceededcurrentquota prepaidbillissue spendlimitreached
    """,
    errors.LLMQuotaUsedUpError: """
        usagelimitreached usagelimitexceeded organizationusagelimitexceeded dailylimitexceeded dailyquotaexceeded tokenquotaexceeded
        monthlylimitexceeded weeklylimitexceeded quotaviolation ratelimitdaily freeusagelimit setlimitexceeded
        tokenquotareached consumptionlimitreached
    """,
    errors.LLMContentFilterError: """
        contentfilter contentfiltered contentpolicyviolation responsibleaipolicyviolation datainspectionfailed
        safety safetyblock prohibitedcontent contentmoderation moderationblocked sensitivewordsdetected
        inputmoderation outputmoderation inputimagerisk risksensitive guardrailviolation hooksfailed contentunsafe
        sensitivecontentdetected inputtextsensitivecontentdetected inputimagesensitivecontentdetected
        outputtextsensitivecontentdetected outputimagesensitivecontentdetected
        imagecontentpolicyviolation biopolicy cyberpolicy
    """,
    errors.LLMMalformedToolCallError: "toolusefailed malformedfunctioncall",
    errors.LLMProviderOverloadedError: """
        overloaded unavailable serviceunavailable engineoverloaded serverisoverloaded serveroverloaded modeloverloaded
        slowdown servicetiercapacityexceeded queueexceeded capacityexceeded modelnotready modelloading serverbusy
        insufficientcapacity
    """,
    errors.LLMTimeoutError: "timeout deadlineexceeded requesttimeout modeltimeout gatewaytimeout readtimeout",
    errors.LLMAuthenticationError: """
        invalidapikey apikeyinvalid apikeyexpired authentication authenticationfailed unauthenticated unauthorized
        unauthorizedclient unrecognizedclient invalidsignature expiredtoken invalidtoken tokenexpired
        incorrectapikey missingapikey missingauthenticationtoken invalidauthentication incompletesignature
        signaturedoesnotmatch invalidclienttokenid
    """,
    errors.LLMPermissionDeniedError: """
        permission permissiondenied insufficientpermissions insufficientpermission accessdenied forbidden
        unsupportedcountryregionterritory modelaccessdenied organizationmustbeverified usagenotincluded modelterms modeltermsrequired
    """,
    errors.LLMNotFoundError: """
        modelnotfound modelnotexist modelnotavailable invalidmodel unknownmodel notfound deploymentnotfound
        resourcenotfound nosuchmodel modeldecommissioned modeldeprecated modelnotsupported unsupportedmodel
        modelnotloaded
    """,
    errors.LLMConflictError: "conflict aborted",
    errors.LLMUnprocessableEntityError: "unprocessableentity unprocessable",
    errors.LLMRateLimitError: """
        ratelimit ratelimited ratelimitexceeded ratelimitreached requestsratelimit resourceexhausted throttling
        throttled throttlingrequests toomanyrequests toomanytokens requestquotaexceeded requestlimitexceeded ratequota
        burstrate allocationquota limitrequests limitburstrate quotaexceededperminute servicequotaexceeded
        concurrencylimitexceeded
    """,
    errors.LLMRequestTooLargeError: """
        requesttoolarge payloadtoolarge contenttoolarge requestentitytoolarge requestbodytoolarge badrequesttoolarge
    """,
}

#: Four-digit codes, which each vendor numbers for itself: those of Z.ai (a text under ``code``) and of MiniMax (a number
#: under ``base_resp``).
ZAI_CODES: dict[str, type[LLMError]] = {
    **dict.fromkeys(("1000", "1001", "1002", "1003", "1004"), errors.LLMAuthenticationError),
    **dict.fromkeys(("1110", "1111", "1112", "1113", "1309"), errors.LLMInsufficientCreditsError),
    **dict.fromkeys(("1210", "1213", "1214", "1215"), errors.LLMBadRequestError),
    **dict.fromkeys(("1211", "1212", "1221", "1222"), errors.LLMNotFoundError),
    **dict.fromkeys(("1220", "1311"), errors.LLMPermissionDeniedError),
    **dict.fromkeys(("1230", "1234"), errors.LLMServerError),
    "1261": errors.LLMContextWindowExceededError,
    "1301": errors.LLMContentFilterError,
    **dict.fromkeys(("1302", "1303", "1313"), errors.LLMRateLimitError),
    **dict.fromkeys(("1304", "1308", "1310"), errors.LLMQuotaUsedUpError),
    **dict.fromkeys(("1305", "1312"), errors.LLMProviderOverloadedError),
}
MINIMAX_CODES: dict[int, type[LLMError]] = {
    1000: errors.LLMServerError,
    1001: errors.LLMTimeoutError,
    1002: errors.LLMRateLimitError,
    1004: errors.LLMAuthenticationError,
    1008: errors.LLMInsufficientCreditsError,
    1024: errors.LLMServerError,
    1026: errors.LLMContentFilterError,
    1027: errors.LLMContentFilterError,
    1033: errors.LLMServerError,
    1039: errors.LLMRateLimitError,
    1041: errors.LLMRateLimitError,
    2013: errors.LLMBadRequestError,
    2049: errors.LLMAuthenticationError,
    2056: errors.LLMQuotaUsedUpError,
}

#: Sentences about an empty account. They win over every code, because providers send them with most of the statuses.
NO_CREDIT = (
    r"credit balance .{0,20}(too low|exhausted|depleted|used up|negative)",
    r"\b(insufficient|not enough|no) .{0,20}\b(balance|credits?|funds)\b(?! (was|were|have been|will be) )",
    r"\bcredits? (has |have |are )?expired|\bbalance (is|has been|was) (empty|zero|0\b|below zero|used up|exhausted|spent)",
    r"\b(purchase|buy|add) (more |additional |some )?(credits|funds)\b(?! to unlock)",
    r"(requires?|needs?) more credits|can only afford",
    r"(used|consumed|spent) (up )?(all|up) .{0,40}\bcredits",
    r"\bcredits? (are|is|have been|has been|were) (all )?(depleted|exhausted|used up|spent)|(ran|run|running) out of (credits?|quota|funds|money)",
    r"(doesn't|does not|don't|do not) have (any |enough |sufficient )(credits?|balance|funds|quota)",
    r"out of (credits?|quota|funds)\b",
    r"(spend|spending|billing|credit|budget|specified api usage) (hard )?(limits?|cap)\b",
    r"key limit exceeded|(budget|max budget) (has been |was )?exceeded|exceeded .{0,20}\bbudget",
    r"exceeded your (monthly )?included credits|included credits .{0,40}(exceeded|depleted|used)",
    r"(update|verify|add) .{0,30}\b(billing|payment method)|billing .{0,40}(not active|inactive|disabled|not (been )?enabled)",
    r"(enable|set up|activate) billing|payment (is )?required|please (recharge|top.?up)|top up your",
    r"account .{0,40}(in arrears|overdue|good standing|not active)|outstanding balance|negative balance",
    r"free (tier|trial|quota|credits?|allocation) .{0,40}(exhausted|expired|ended|used up|has been consumed)",
    r"(inactive|expired|no active) subscription|subscription .{0,20}(inactive|expired)|trial (has )?(expired|ended)",
    r"(user|token|group) quota .{0,20}(not enough|insufficient|exhausted)",
    r"\b(balance|credits?|funds) (is|are) (insufficient|not (enough|sufficient))|valid credit card",
    r"exceeded(token)?budget\b|\bover budget\b|exhausted .{0,20}\bfree (tier|trial|quota|credits?)",
)
#: Gemini also uses this, with RESOURCE_EXHAUSTED, for limits per minute; others mean missing credits.
OVER_QUOTA = (r"exceeded your current quota", r"check your plan and billing")

#: Words of a limit that ends within a minute, and of one that does not. The first one in a sentence counts.
SHORT_LIMIT = (
    r"per[ _-]?(min(ute)?|sec(ond)?)\b|permin(ute)?|per_minute|per \d+ seconds|/ ?(min|sec|m|s)\b",
    r"\b(last|past|every|each|within) (a |one )?(\d{1,3} )?(second|minute)s?\b",
    r"(?<![a-z])(TPM|RPM|QPM|QPS|RPS)(?![a-z])|concurren|free-models-per-min",
)
LONG_LIMIT = (
    r"per[ _-]?(day|week|month|hour)\b|per(day|week|month|hour)|by(day|week|month|hour)\b|per_day|per 1d",
    r"/ ?(day|week|month|hour|d|h)\b|per (86400|3600) ?s|(per|in|every) 24 ?h",
    r"(?<![a-z])(TPD|RPD|TPH|RPH|IPD)(?![a-z])|free-models-per-day",
    r"\b(hour|day|week|month) (allocated )?(quota|limit|allowance)|\b(today|come back tomorrow|again tomorrow)\b",
    r"\b(daily|weekly|monthly|hourly|\d+.?hours?)\b.{0,60}\b(limit|quota|allowance|allocation|usage|cap|tokens|requests)",
    r"\b(limit|quota|allowance|usage)\b.{0,60}\b(daily|weekly|monthly|for (today|the day|this (week|month))|\d+.?hours?)\b",
)
#: Sentences about a limit that no quick retry can meet.
QUOTA = (
    r"usage[ _]limit.{0,40}(reached|exceeded|hit)|(reached|hit|exceeded) .{0,30}\b(usage|weekly|daily|monthly)[ _]limit",
    r"you'?(ve| have) (hit|reached) your .{0,20}limit",
    r"(limit|quota|usage)s? .{0,40}\b(resets?|renews?|refresh(es)?|will be reset)\b (at|on|in|after)\b",
    r"used (up )?(all )?(of )?your .{0,40}\b(today|this (week|month))\b",
    r"regain access on|extra usage is required|out of (extra )?usage|call volume quota|quota will be (replenished|renewed|refilled)",
    r"quota.{0,30}(exceeded|exhausted|reached|used up|depleted)|(exceed(ed|s)?|exhausted|reached) (?!.{0,20}check quota).{0,30}quota",
    r"(exceeded|used up) .{0,30}(premium request|allowance|allocation)",
)

#: Sentences about a conversation that is longer than the model can read.
TOO_LONG = (
    r"(prompt|input|inputs|conversation|history|context|messages?)( tokens?)?( length)? (is |are |was )?(still )?too (long|large|big)",
    r"request (is )?too long for|(please |try )shorten(ing)? (your|the) (prompt|input|messages|conversation)",
    r"(?<![_a-z])(?<!output )(?<!completion )(?<!max )(?<!maximum )(?<!new )tokens?\b(?! per).{0,60}\b(exceed(s|ed)?|over|more than)\b.{0,40}\b(limits?|max\w{0,30}|context|window)\b",
    r"\b(prompt|input|conversation|context|history)\b.{0,60}\b(over|above|beyond|out of) .{0,30}\b(limit|max\w{0,30}|window|range)\b",
    r"token count (is |of )?[\d,]+,? but .{0,40}(only|at most|up to)|context (window|length|size) of [\d,]+ tokens",
    r"(?<!tokens you requested )exceed\w{0,30} .{0,80}\b(context|prompt|input|sequence|seq|model)[ _-]?(window|size|length|limit|len|token limit)",
    r"(context|prompt)[ _-](window|length|size|limit)[ _-].{0,20}(is |was |has been )?(exceed|overflow|full|reached)|context overflow",
    r"(longer|greater|larger|bigger) than .{0,60}\b(context|model length|max(imum)? .{0,10}(length|tokens|context))",
    r"max(imum)?[ _](supported )?(context|prompt|input|sequence|model|seq|position)[ _-]?(length|window|size|len|embeddings)",
    r"(prompt|input|inputs|request|conversation)(?!ed)( token)?s?.{0,10}(count|length|tokens|size)?.{0,40}exceeds? .{0,30}(limit|max)\w{0,30} (of |length|.{0,20}(tokens|length))",
    r"(input|prompt) token count.{0,40}exceeds|tokens? in the (prompt|input|request|messages).{0,20}exceed|input tokens exceed",
    r"exceed(s|ed)? (the )?(maximum|max)( allowed)?( number of)?( input| prompt)? (tokens?|token size)\b",
    r"exceed(s|ed)? (the )?(model('s)? )?(model |max |maximum )?token limit|model token limit",
    r"too large for .{0,60}max size: \d+ tokens|max size: \d+ tokens",
    r"range of input length should be|'(input|instructions|(messages|input)\[\d+\]\.content[^']{0,40})': string too long",
    r"max_(completion_|new_|output_)?tokens\b.{0,80}?(got|is|was|=|:|value)\W{0,3}-\d|at least 1, got -\d",
    r"must have (less|fewer) than \d+ tokens|max_new_tokens.{0,20}must be <=",
    r"reduce (the )?(length|size|amount|number)( of)? .{0,30}(prompt|messages|input|context|conversation|history|chat)",
    r"context length of only \d|(n_ctx|context size).{0,40}(too small|exceed)|exceed\w{0,30} .{0,20}n_ctx|too large to process|larger than the max context",
    r"(not|n't) fit( in| into| within)? .{0,40}context|too many (total )?(text bytes|tokens in)|too many tokens: ",
    r"expected maxlength: \d+, actual|max(imum)? (input|prompt) (characters|chars|tokens) (is|are|allowed)",
    r"exceeds? .{0,20}\bcapacity of [\d,]+ tokens|\bprompt length\b.{0,80}\bexceed|\bmax(imum)? tokens of [\d,]+ exceeded|(?<!rate )(?<!output )token limit exceeded\W{1,3}[\d,]+ ?[/>]",
    r"(prompt|input|messages?|conversation|request|context)\b.{0,30}\bmust (be|have|contain) .{0,20}[\d,]+ tokens|\bmust be no more than [\d,]+( tokens)?, got",
    r"tokens in (the|your) (request|prompt|input|messages?|conversation)\b.{0,30}(greater|more|larger|higher) than|only (process|handle|accept|take|read)s? (up to|at most) [\d,]+ tokens",
    r"n_prompt_tokens\b.{0,20}>.{0,10}n_ctx|(prompt|input|conversation|messages?|history) exceeds? (the )?(model('s)? )?context|^\W*text (is )?too long",
    r"\bcontext\b.{0,30} is full\b|(not enough|insufficient) (context|room in the context)",
    r"tokens,? but (n_ctx|the (max\w{0,30}|limit)) |\bcontext (was |is |has been )?exceeded|exceed\w{0,30} .{0,40}\bmax(imum)? context\b",
    r"(prompt|messages?) (that )?you \w{1,30} (is|was|were|are) too long|(input|prompt)[_ ]tokens?.{0,20}must be (<|less|fewer|at most|smaller)",
    r"input tokens (and|\+|plus) .{0,20}tokens .{0,10}exceed",
)

#: Sentences about a request of too many bytes.
TOO_LARGE = (
    r"request (is )?too long|total message size .{0,20}exceed|(request|payload|body|content)( body| payload| entity)?( size)? (is )?too large|request entity too large",
    r"request.{0,20} exceeds? the maximum (size|allowed)|(request|payload|content|body)( payload)? size .{0,20}(limit )?exceed",
    r"(content|payload|body|request) size limit|maximum request size|exceeds? the max(imum)? (length|size) of [\d,]+ ?(bytes|[KMG]i?B)|total size of .{0,30}exceed",
)

#: Further sentences, by class. They count if no code does and the status is one that says little.
SENTENCES: dict[type[LLMError], tuple[str, ...]] = {
    errors.LLMContentFilterError: (
        r"content management policy|violat\w{1,30} .{0,30}(usage|content|safety) (policy|policies|guidelines)",
        r"content (policy|filter)|content exists risk|considered high risk|input was flagged|flagged (by|as|for) .{0,40}|inappropriate content|sensitive content",
        r"blocked .{0,20}(safety|moderation|guardrail)|guardrails? .{0,20}(failed|blocked|triggered|intervened)",
        r"safety system|prohibited_content|blocked by .{0,20}\bguard",
        r"(contains?|contained|containing) .{0,20}(sensitive|unsafe|harmful|prohibited) (information|content|words)",
    ),
    errors.LLMAuthenticationError: (
        r"\b(invalid|expired) token\W{0,3}(\(request id|$)",
        r"(invalid|incorrect|wrong|expired|revoked|missing|no|bad|unknown|disabled)( \w{1,30})? (api.?key|x-api-key|credentials?|authentication|authorization|(api|access|auth|bearer|user) token)\b",
        r"api.?key .{0,40}(not valid|invalid|expired|incorrect|revoked|disabled|missing|not found|required|wrong|not provided)",
        r"\bunauthori[sz]ed\b|\bauthentication (failed|error|required|fails)|could not validate credentials|not authenticated",
        r"(access|api|auth|bearer|session|security|id) (token|key) .{0,40}(invalid|expired|revoked)|didn't provide an api key",
    ),
    errors.LLMNotFoundError: (
        r"\bmodels?\b\W{0,4}\S{0,120}\W{0,4}(was |is |does |do |could )?(not |n't )(be )?(found|exist)|model.{0,100}try pulling",
        r"not a valid model|no such model|unknown model|invalid model\b|invalid model name|no endpoints found|no allowed providers",
        r"\bmodel\b.{0,100}(does(n't| not) exist|not exist|has been (deprecated|decommissioned|retired|removed|shut down)|no longer (available|supported))",
        r"\bmodel\W{1,3}\S{1,100} (is )?not (available|loaded|supported|deployed)\b|no models? (is |are )?loaded|\bmodel( is)? not (loaded|deployed)",
        r"no available channel.{0,40}model|unexpected endpoint|no route (matched|for)|deployment .{0,60}(not exist|not found)|provided model identifier is invalid",
    ),
    errors.LLMPermissionDeniedError: (
        r"(credential|key|token|account|plan|subscription)s? .{0,20}\bonly (authorized|valid|available|allowed|intended) (for|to)\b",
        r"\bforbidden\b|permission denied|insufficient permissions|access (is )?denied|not (allowed|authorized|permitted) to (use|access|perform|invoke|call)",
        r"\b(organi[sz]ation|account|project|workspace|team) (has been|is|was) (disabled|restricted|suspended|deactivated|banned|blocked)",
        r"(do|does)(n't| not) have (access|permission)|must be verified|country, region, or territory|not available in your (region|country)",
    ),
    errors.LLMRateLimitError: (
        r"\brate[ _-]?limit|\brate exceeded|\b(QPS|RPM|TPM|QPM)\b.{0,20}\b(limit|exceed|reach)|too many (requests|tokens, please)|throttl|slow down|requests? (per|/) ?(min|sec)",
        r"concurren\w{1,30} .{0,20}(limit|exceed|reached)|max .{0,20}concurrency",
    ),
    errors.LLMProviderOverloadedError: (
        r"overloaded|high (demand|traffic|load)|(at|no|over|insufficient|limited|out of) capacity|capacity .{0,20}exceeded",
        r"server (is )?busy|too busy|(service|model|server|temporarily) (is )?(temporarily |currently )?unavailable",
        r"(is|still|currently) loading\b|(?<!error )(?<!failed )loading model|queue is full|no healthy upstream",
    ),
    errors.LLMTimeoutError: (
        r"\btimed[ -]?out\b|deadline exceeded|took too long|litellm\.timeout",
        r"(request|gateway|upstream|connection|read|inference) time-?out\b|\btime-?out (error|exceeded|while|waiting|after)",
    ),
    errors.LLMBadRequestError: (
        r"validation error|invalid (request|input|parameter|param|argument|value|type|image|tool|schema|json|message|role)\b",
        r"(field|parameter|property|argument)s? .{0,40}(required|missing|not (supported|allowed|permitted))|unsupported (parameter|value|image|file|media)",
        r"\bmust be (a|an|one of|at (least|most)|between|less|greater|followed|positive)\b|[`'\"]\S{1,60}[`'\"] (is|are) (required|missing)|unrecognized request argument|could not be parsed",
        r"\b(schema|json|request|parameter|argument|message|image|tool)\b.{0,30} is (invalid|malformed|not (valid|supported))",
    ),
}

#: Codes that speak of the request, whatever their rest says. ``unknown`` alone does not.
REQUEST_AT_FAULT = (
    r"^(invalid(?!response|upstream|answer|llm)|unsupported|malformed(?!response)|missing|unrecogni[sz]ed|illegal|badrequest|badinput|badparam|empty(image|input|file)|failedtodownload)"
    r"|(invalid|unsupported|notsupported|toolarge|toosmall|toolong|tooshort|toomany|parse|validation|outofrange"
    r"|notfound|failedprecondition|required|mismatch|emptyinput|badrequest|invalidrequest|notallowed|invalidargument)$"
)

#: A path that the provider does not know, as opposed to a model.
UNKNOWN_PATH = (
    r"invalid url|unknown (url|path|endpoint|route|request url)|(no|unexpected) (such )?(route|endpoint|path)\b",
    r"^\W*(page |file )?not found\W*$|no route matched|cannot (post|get) /",
    r"(url|path|page|endpoint|route)\b.{0,60} (was )?not found|could not find .{0,20}(url|route)",
)

#: Words of a failure in a sentence that stands alone.
FAILURE = (
    r"error|fail|exceed|limit|invalid|denied|unauthori[sz]ed|forbidden|unavailable|overload|quota|crash|refus|unable",
    r"not (found|allowed|authorized|permitted|exist|supported|available|valid|authenticated)|missing|required",
    r"time(d)?[ -]?out|can(not|'t)|could ?n[o']t|exception|too (long|many|large)|try again|abort|throttl",
    r"exhausted|insufficient|balance|expired|unsupported|incorrect",
)
#: How the status or the type of a piece of news begins, not of a failure.
NEWS = (
    r"ok|okay|success|succeeded|done|completed|queued|pending|processing|in_?progress|running|loading|waiting|starting",
    r"info|ping|keep-?alive|heartbeat|status|progress|notice|warning",
)
