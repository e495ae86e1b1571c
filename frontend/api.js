// @ts-check
/** The server's HTTP routes: JSON and files, with the page's key, and errors in the server's own words. */

export class ApiError extends Error {
  /** @param {string} message for people @param {number} status 0: the server did not answer @param {string} code */
  constructor(message, status = 0, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class Api {
  /** @param {string} key empty: none is needed */
  constructor(key) {
    this._headers = key ? { authorization: `Bearer ${key}` } : undefined;
  }

  /**
   * The JSON that `path` answers.
   * @param {string} path
   * @param {{method?: string, json?: unknown, form?: FormData, signal?: AbortSignal}} [options]
   * @returns {Promise<any>}
   */
  async json(path, options = {}) {
    return (await this._fetch(path, options)).json();
  }

  /**
   * The file that `path` answers.
   * @param {string} path
   * @param {{method?: string, json?: unknown, signal?: AbortSignal}} [options]
   */
  async blob(path, options = {}) {
    return (await this._fetch(path, options)).blob();
  }

  /**
   * @param {string} path
   * @param {{method?: string, json?: unknown, form?: FormData, signal?: AbortSignal}} options
   */
  async _fetch(path, { method, json, form, signal }) {
    const sent = json !== undefined || form !== undefined;
    const headers = { ...this._headers, ...(json !== undefined && { "content-type": "application/json" }) };
    const body = json === undefined ? form : JSON.stringify(json);
    const request = { method: method ?? (sent ? "POST" : "GET"), headers, body, signal };
    const response = await fetch(path, request).catch((error) => {
      if (signal?.aborted) throw error;
      throw new ApiError("The server does not answer.");
    });
    if (!response.ok) throw await failure(response);
    return response;
  }
}

/** @param {Response} response */
async function failure(response) {
  const answer = await response.json().catch(() => null);
  const message = answer?.error?.message ?? `The server answered ${response.status}.`;
  return new ApiError(message, response.status, answer?.error?.code ?? "");
}
