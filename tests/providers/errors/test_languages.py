"""One row for each wording in a language other than English: the status, and the sentence."""

import pytest

from providers import errors
from providers.errors import LLMError
from providers.errors.translation import from_payload

SENTENCES: dict[type[LLMError], tuple[tuple[int | None, str], ...]] = {
    errors.LLMInsufficientCreditsError: (
        (403, "用户余额不足"),
        (403, "[sk-x***] 该令牌额度已用尽"),
        (400, "您的账户已欠费"),
        (403, "预扣费额度失败, 剩余: ¥0.1"),
        (403, "余额为0，请先充值"),
        (None, "残高が不足しています"),
        (403, "チャージしてください"),
        (402, "크레딧이 부족합니다"),
        (403, "충전해 주세요"),
        (403, "Недостаточно средств на счёте"),
        (403, "Кредиты на счёте закончились"),
        (403, "Пополните баланс"),
        (403, "Ihr Guthaben ist aufgebraucht"),
        (403, "Kein Guthaben"),
        (403, "Votre solde est insuffisant"),
        (403, "Vous n'avez plus de crédits"),
        (403, "Saldo insuficiente"),
        (403, "Sua conta está sem créditos"),
        (403, "Credito insufficiente"),
    ),
    errors.LLMQuotaUsedUpError: (
        (429, "今天的调用已达上限，每日限额"),
        (429, "今日额度已用完"),
        (429, "您已达到 5 小时的使用上限"),
        (429, "1日の利用上限に達しました"),
        (429, "일일 한도를 초과했습니다"),
        (429, "Исчерпан суточный лимит запросов"),
        (429, "Превышен лимит запросов в день"),
        (429, "Tageslimit erreicht"),
        (429, "Das tägliche Kontingent ist erschöpft"),
        (429, "La limite de requêtes par jour est atteinte"),
        (429, "Se ha alcanzado el límite diario"),
        (429, "Raggiunto il limite giornaliero"),
    ),
    errors.LLMRateLimitError: (
        (429, "每分钟 token 数超过限制"),
        (429, "1分間のトークン上限を超えました"),
        (400, "请求过于频繁，请稍后再试"),
        (400, "リクエストが多すぎます"),
        (None, "요청이 너무 많습니다"),
        (400, "Слишком много запросов"),
        (400, "Zu viele Anfragen"),
        (400, "Trop de requêtes"),
        (400, "Demasiadas solicitudes"),
        (429, "Se ha superado el límite de tokens por minuto"),
    ),
    errors.LLMContextWindowExceededError: (
        (400, "上下文长度超限"),
        (400, "总token数超过模型的限制"),
        (None, "token数量超过上限，需要精简输入"),
        (400, "超出最大长度"),
        (400, "对话内容过长"),
        (400, "文本长度超过限制"),
        (400, "入力トークン数が上限を超えています"),
        (400, "プロンプトが長すぎます"),
        (400, "입력이 모델의 최대 길이를 초과했습니다"),
        (400, "Превышена максимальная длина контекста"),
        (400, "Запрос слишком длинный"),
        (400, "Слишком длинный запрос"),
        (400, "Die Eingabe ist zu lang"),
        (400, "Die Anfrage überschreitet den Kontext des Modells"),
        (400, "Kontextlänge des Modells überschritten"),
        (400, "La requête dépasse la longueur du contexte"),
        (400, "Le message est trop long"),
        (400, "La solicitud supera el contexto del modelo"),
        (400, "A mensagem é muito longa"),
        (400, "La richiesta supera il contesto"),
        (400, "La conversazione è troppo lunga"),
    ),
    errors.LLMContentFilterError: (
        (None, "输入内容包含敏感内容"),
        (400, "内容违规"),
        (400, "可能包含不安全的内容"),
        (400, "コンテンツポリシーに違反しています"),
        (400, "Verstoß gegen die Inhaltsrichtlinien"),
    ),
    errors.LLMAuthenticationError: (
        (500, "无效的令牌"),
        (400, "APIキーが無効です"),
        (400, "API 키가 유효하지 않습니다"),
        (400, "Неверный ключ"),
        (400, "Токен доступа истёк"),
        (400, "Der API-Schlüssel ist ungültig"),
        (400, "La clé est invalide"),
        (400, "La clave no es válida: clave no válida"),
    ),
    errors.LLMNotFoundError: (
        (500, "分组 vip 下模型 m 无可用渠道"),
        (400, "模型不存在，请检查模型代码"),
        (400, "モデル m は存在しません"),
        (400, "Модель m не найдена"),
        (400, "Das Modell m existiert nicht"),
        (400, "El modelo m no existe"),
    ),
    errors.LLMProviderOverloadedError: (
        (500, "上游负载已饱和"),
        (500, "服务器繁忙"),
        (500, "该模型当前访问量过大"),
        (None, "サーバーが混雑しています"),
        (500, "Сервер перегружен"),
        (500, "Der Server ist überlastet"),
    ),
}


@pytest.mark.parametrize(
    ("status", "sentence", "expected"),
    [(status, sentence, kind) for kind, rows in SENTENCES.items() for status, sentence in rows],
)
def test_a_sentence_in_another_language_is_understood(
    status: int | None, sentence: str, expected: type[LLMError]
) -> None:
    for payload in ({"error": {"message": sentence}}, {"code": "x", "msg": sentence}, sentence):
        assert type(from_payload(payload, status=status)) is expected, payload


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("工具名称长度超过64", errors.LLMBadRequestError),
        ("max_tokens 超过 8192", errors.LLMBadRequestError),
        ("Der Name des Werkzeugs ist zu lang", errors.LLMBadRequestError),
        ("温度の値が不正です", errors.LLMBadRequestError),
    ],
)
def test_another_complaint_in_another_language_is_a_bad_request(
    sentence: str, expected: type[LLMError]
) -> None:
    assert type(from_payload({"error": {"message": sentence}}, status=400)) is expected


def test_a_sentence_that_begins_with_brackets_is_quoted() -> None:
    error = from_payload({"error": {"message": "[request-7] the option top_k is unknown"}}, status=400)
    assert "[request-7] the option top_k is unknown" in error.message


def test_a_description_under_status_is_read() -> None:
    error = from_payload({"status": {"code": "40000", "message": "The seed is no number"}}, status=400)
    assert "The seed is no number" in error.message


def test_the_code_of_a_used_up_quota_may_stand_beside_a_limit_per_minute() -> None:
    error = from_payload(
        {"code": "token_quota_exceeded", "message": "Tokens per minute limit exceeded"}, status=429
    )
    assert type(error) is errors.LLMRateLimitError
    assert error.retryable
