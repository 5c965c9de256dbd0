/**
 * Every code of `x-llm-proxy-warnings`, and what it says. Clients may go by them: none is ever renamed. What is dropped was
 * a hint; what is adapted is told by other means.
 */
export const warningCodes: Readonly<Record<string, string>> = {
  'dropped:seed': 'The seed: the backend has none, and the same request may be answered differently.',
  'dropped:logit_bias': 'The bias of tokens.',
  'dropped:penalties': 'Penalties for what was said before (presence, frequency, repetition), or min_p.',
  'dropped:top_k': 'How many tokens are chosen from.',
  'dropped:logprobs':
    'Probabilities of tokens: the backend gives none, or the API of the client has no place for those that it gives.',
  'dropped:verbosity': 'How wordy the answer should be.',
  'dropped:prediction': 'The text that the answer was expected to repeat.',
  'dropped:service_tier': 'How urgent the request is, in words that only another provider knows.',
  'dropped:metadata': 'Tags that the provider would have kept with the request.',
  'dropped:user': 'Who the user is. `compat.forward_identity` tells it to other providers too.',
  'dropped:message_name': 'The name of whoever wrote a message.',
  'dropped:image_detail': 'How closely an image should be looked at.',
  'dropped:hosted_tool':
    'A tool that a provider carries out itself, such as a search of the web. `compat.hosted_tools: map` keeps the search.',
  'dropped:client_tool': 'A tool that the model knows by its type alone and that no description can stand in for.',
  'dropped:parallel_tool_calls': 'Whether tools may be called side by side.',
  'dropped:further_calls': 'Calls behind the first one, and what followed them (`compat.enforce_single_tool_call`).',
  'dropped:cache_hint': 'Marks of what should be cached: the backend does it by itself, or not at all.',
  'dropped:citations':
    'Sources of the answer, or the wish for them, that the other API has no place for, or that have none in the text (`compat.citations`).',
  'dropped:server_tool_blocks': 'What a provider noted about tools that it carried out itself.',
  'dropped:foreign_reasoning': 'Earlier thoughts of another model, which this one cannot read.',
  'dropped:item_reference': 'A reference to earlier thoughts that nobody here remembers.',
  'dropped:reasoning': 'The wish for thoughts, or for how hard to think: the model does not think.',
  'dropped:reasoning_summary': 'The wish for a summary of the thoughts.',
  'dropped:safety_settings': 'Thresholds of the filters of another provider.',
  'dropped:context_management': 'How the provider should shorten a long conversation.',
  'dropped:safety_ratings': 'What filters of the provider thought of the prompt or the answer.',
  'dropped:answer_field': 'Something in the answer that the API of the client has no place for.',
  'dropped:unknown_field': 'A field, or a beta, that only the API of the client has.',
  'adapted:temperature_clamped': 'The temperature was brought into the range of the model, or left out beside top_p.',
  'adapted:value_clamped': 'A number was brought into the range that the backend takes.',
  'adapted:stop_emulated': 'Stop sequences that the backend does not take: the answer is cut at them here.',
  'adapted:system_position':
    'A system message in the middle of the conversation was put elsewhere (`compat.inline_system`).',
  'adapted:prefill': 'The beginning of the answer, which the model cannot go on with, is told as a message.',
  'adapted:turn_inserted': 'A message was put in so that the conversation begins and alternates as the model wants it.',
  'adapted:document_flattened': 'A document became text, its title first.',
  'adapted:tool_names_rewritten': 'Names of tools were changed for the backend; the client sees its own.',
  'adapted:tool_namespace_flattened': 'Tools of a namespace became tools with longer names.',
  'adapted:param_repaired':
    'The backend is asked in another way than its name suggests, as an earlier refusal of it taught.',
  'adapted:custom_tool_wrapped': 'A tool of free text became a function with one parameter.',
  'adapted:tools_synthesised': 'The conversation holds calls and the request no tools: their definitions were made up.',
  'adapted:tool_choice_none': 'Tools may not be called, which is said in words.',
  'adapted:tool_choice_downgraded': 'The model cannot be made to call a tool, or that tool: it is only asked to.',
  'adapted:calls_cut':
    'The backend cannot be told to call one tool at a time: of its calls the client gets the first ' +
    '(`compat.enforce_single_tool_call`).',
  'adapted:thinking_disabled_for_tool_choice': 'A tool must be called, and the model cannot think then.',
  'adapted:thinking_disabled_small_max_tokens': 'The limit of the answer leaves no room for thoughts.',
  'adapted:thinking_disabled_missing_signature':
    'The model cannot think on: its earlier thoughts lack their signature.',
  'adapted:thinking_budget_to_effort': 'How many tokens may be thought became how hard.',
  'adapted:reasoning_not_disableable': 'The model always thinks: as little as it can, in place of not at all.',
  'adapted:tool_args_wrapped': 'Arguments of an earlier call that are no JSON object were put into one.',
  'adapted:orphan_tool_result': 'The result of a tool that nobody called was left out (`compat.repair_history`).',
  'adapted:missing_tool_result': 'A call without a result got one that says so (`compat.repair_history`).',
  'adapted:tool_media_moved': 'Images and files in the result of a tool follow in a message of the user.',
  'adapted:json_schema_tool': 'JSON of a schema is asked for by a tool that must be called; the client sees its text.',
  'adapted:json_object_instruction': 'JSON is asked for in words.',
  'adapted:audio_transcript': 'What was said earlier by voice is told as text.',
  'adapted:schema_relaxed': 'Parts of a schema that the backend does not know were left out.',
  'adapted:schema_wrapped': 'A schema whose root is no object was put into one; the client sees what is inside.',
  'adapted:url_fetched': 'Files by address were fetched here (`compat.media_fetch`).',
  'adapted:completion_as_chat': 'A completion of a text was asked for as a chat.',
  'adapted:max_tokens_defaulted': 'The client set no limit, and the backend wants one. Told by the log only.',
  'adapted:stream_forced':
    'The backend was asked for a stream and the client gets a whole answer. Told by the log only.',
}
