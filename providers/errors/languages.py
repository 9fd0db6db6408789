"""How providers word their failures in other languages than English: sentences, as tables like those in ``wordings``. Pure data.

Gateways and clouds of a country answer in its language, whatever the request is written in. A table has its languages in
one order: Chinese, Japanese, Korean, Russian, German, French, Spanish and Portuguese, Italian; none where no case is known.
Every line has a row in tests/providers/errors/test_languages.py.
"""

from providers.errors import taxonomy as errors
from providers.errors.taxonomy import LLMError

#: An empty account.
NO_CREDIT = (
    r"(?<![今当每本][日天周月])(余额|餘額|额度|額度|积分|積分|点数|點數|账户金额|资源包).{0,6}(不足|不够|不夠|用尽|用完|耗尽|为0|为零)|欠费|预扣费额度失败|(请先?|需要)(充值|儲值)",
    r"(残高|残額|クレジット|ポイント).{0,6}(不足|足り|ありません|切れ|なくな)|チャージして",
    r"(잔액|잔고|크레딧|포인트).{0,6}(부족|없|소진)|충전해",
    r"недостаточно (средств|кредитов)|(средства|кредиты) .{0,20}(закончились|исчерпаны)|пополните (баланс|сч[её]т)",
    r"guthaben (ist |reicht )?(nicht|aufgebraucht|erschöpft|leer)|(kein|nicht genügend|zu wenig|unzureichendes) guthaben",
    r"(crédits?|solde) (est |sont )?(insuffisants?|épuisés?)|plus (assez )?de crédits?",
    r"(saldo|créditos?|fondos|fundos) (es |é |está )?(insuficientes?|agotad[oa]s?|esgotad[oa]s?)|(sin|sem) (saldo|créditos?|fondos|fundos)",
    r"(credit[oi]|saldo) (insufficient[ei]|esaurit[oi])",
)

#: Limits that end within a minute, and those that do not. Only with words of a limit, because "today" alone is none.
SHORT_LIMIT = r"每分钟|每秒|毎分|1分(間|あたり)|분당|초당|в (минуту|секунду)|pro (minute|sekunde)|par (minute|seconde)|por (minuto|segundo)|al minuto"
LONG_LIMIT = (
    r"(每[日天周月]|[当今本][日天周月]|日调用|小时).{0,20}(上限|限额|限制|额度|配额|用完|用尽)|(1日|一日|本日|今日|今月|月間|日次).{0,20}(上限|制限)"
    r"|(일일|하루|오늘|주간|월간).{0,20}(한도|제한)|(суточн|дневн|недельн|месячн)\w{0,6} .{0,20}(лимит|квот)|(лимит|квот)\w{0,3} .{0,20}(в день|в сутки|на сегодня)"
    r"|(tages|wochen|monats)(limit|kontingent)|(täglich|wöchentlich|monatlich)\w{0,3} .{0,20}(limit|kontingent|grenze)"
    r"|(limite|quota) .{0,20}(quotidien|journali|hebdomadaire|mensuel|par jour|giornalier|mensile)"
    r"|(límite|limite|cuota|cota) .{0,20}(diari|diári|semanal|mensual|mensal|por día|por dia)"
)
#: Words of a limit.
LIMIT = r"限|额度|配额|用完|用尽|한도|лимит|квот|kontingent|grenze|límite|limite|cuota|cota"
#: A limit that no quick retry can meet.
QUOTA = (r"(使用|调用|用量|额度|限额).{0,8}(上限|重置)|每日",)

#: A conversation that is longer than the model can read.
TOO_LONG = (
    r"上下文.{0,6}超限|token.{0,6}超[过出].{0,8}(模型|上下文|最大|上限|限制)|超[出过].{0,12}(上下文|最大长度|长度限制)",
    r"(上下文|prompt|提示词?|输入|内容|文本|对话|会话|messages?).{0,8}(超长|超出|超过|过长|太长)",
    r"(入力|プロンプト|コンテキスト|トークン|会話|メッセージ).{0,16}(長すぎ|多すぎ|超え|超過)",
    r"(입력|프롬프트|컨텍스트|토큰|대화|메시지).{0,24}(초과|너무 (길|깁|많))",
    r"превы(шен|шает|сил)\w{0,2} .{0,60}(контекст|токен|длин)|(запрос|текст|промпт|сообщение|контекст) слишком (длин|больш)|слишком (длинн|больш)\w{1,3} (запрос|текст|промпт|сообщени|контекст)",
    r"(eingabe|anfrage|prompt|nachricht|unterhaltung|kontext) (ist )?zu lang|(überschreitet|übersteigt) .{0,60}(kontext|token)|kontext(fenster|länge) .{0,20}überschritten",
    r"(dépasse|excède) .{0,60}(contexte|jetons|tokens)|(invite|requête|message|entrée|conversation) (est )?trop longu?e?",
    r"(supera|excede|sobrepasa|ultrapassa|excedeu) .{0,60}(contexto|tokens)|(entrada|solicitud|mensaje|conversación|mensagem|conversa|prompt) (es |é |está )?(demasiad[oa]|muito) (larg[oa]|long[oa])",
    r"supera .{0,60}contesto|(richiesta|conversazione|messaggio) (è )?troppo lung[oa]",
)

#: Further sentences, by class.
SENTENCES: dict[type[LLMError], tuple[str, ...]] = {
    errors.LLMContentFilterError: (
        r"输入.{0,8}敏感|敏感(内容|词)|违规|不合规|不安全.{0,4}内容",
        r"コンテンツ.{0,6}(ポリシー|フィルタ)|不適切な|콘텐츠 정책|부적절한",
        r"(inhaltsrichtlinie|inhaltsfilter)|politique de contenu|polític?a de cont|политик\w{1,2} (контента|безопасности)",
    ),
    errors.LLMAuthenticationError: (
        r"令牌|身份验证|鉴权|密钥.{0,6}(无效|错误|过期)",
        r"(api ?キー|トークン).{0,8}(無効|正しく|期限)|認証(に失敗|エラー)|(api ?키|토큰).{0,6}(유효하지|잘못|만료)|인증.{0,4}(실패|오류)",
        r"(неверный|недействительный) .{0,10}(ключ|токен)|(ключ|токен) .{0,20}(недействителен|неверен|ист[её]к)",
        r"(api-?schlüssel|token) .{0,20}(ungültig|abgelaufen|falsch)|ungültiger .{0,4}(api-?schlüssel|token)|clé .{0,20}(invalide|expirée|incorrecte)",
        r"(clave|llave|chave|token) .{0,20}(no válid|inválid|incorrect|expirad)|chiave .{0,20}non valida",
    ),
    errors.LLMNotFoundError: (
        r"模型不存在|无可用渠道|モデル.{0,30}(見つかり|存在しま)|모델.{0,30}(찾을 수 없|존재하지)",
        r"модель .{0,60}не (найден|существует)|modell .{0,60}(nicht gefunden|existiert nicht)|modèle .{0,60}(introuvable|n'existe pas)",
        r"modelo .{0,60}(no existe|não existe|no encontrado|não encontrado)|modello .{0,60}(non trovato|non esiste)",
    ),
    errors.LLMRateLimitError: (
        r"请求(过于频繁|数?过多)|限流|速率限制|并发|リクエストが多すぎ|レート制限|요청이 너무 많|속도 제한",
        r"слишком много запросов|zu viele anfragen|trop de requêtes|demasiadas (solicitudes|peticiones)|muitas (solicitações|requisições)|troppe richieste",
    ),
    errors.LLMProviderOverloadedError: (
        r"服务.{0,4}繁忙|过载|负载.{0,4}(过高|较高|饱和)|访问量?过[大多]|算力不足|混雑|過負荷|과부하|혼잡",
        r"перегружен|überlastet|ausgelastet|surchargé|saturé|sobrecargad|sovraccaric",
    ),
}
